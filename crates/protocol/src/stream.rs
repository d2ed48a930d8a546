//! WebSocket frames and server-sent events of a paid stream.
