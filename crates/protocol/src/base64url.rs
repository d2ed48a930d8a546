//! RFC 4648 section 5 without padding on output; padding and the standard alphabet accepted on input.
