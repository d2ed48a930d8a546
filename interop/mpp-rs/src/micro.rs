//! What `mpp` needs to issue a challenge and to check a credential, for `cargo xtask bench` to compare with: nanoseconds
//! for each, the fastest of many samples, which is the one a busy machine disturbs least.

mod terms;

use std::hint::black_box;
use std::time::{Duration, Instant};

use mpp::{PaymentCredential, format_authorization};
use serde_json::json;

const SAMPLES: usize = 50;
const SAMPLE: Duration = Duration::from_millis(40);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let request = terms::request()?;
    let payload =
        json!({ "payer": "did:key:z6MkghLt1e8m1fmANsdJJco3aCLV8Xnigr5UWwC3u5iZFPd3", "signature": "A".repeat(86) });
    let header = format_authorization(&PaymentCredential::new(terms::issue(&request).to_echo(), payload))?;
    terms::check(&header)?;
    println!("issue {:.0} ns", fastest(|| black_box(terms::issue(&request).to_header()).is_ok()));
    println!("check {:.0} ns", fastest(|| black_box(terms::check(&header)).is_ok()));
    Ok(())
}

fn fastest(operation: impl Fn() -> bool) -> f64 {
    (0..SAMPLES).map(|_| sample(&operation)).fold(f64::INFINITY, f64::min)
}

fn sample(operation: impl Fn() -> bool) -> f64 {
    let started = Instant::now();
    let mut done = 0_u32;
    while started.elapsed() < SAMPLE {
        for _ in 0..100 {
            assert!(operation());
        }
        done += 100;
    }
    started.elapsed().as_nanos() as f64 / f64::from(done)
}
