//! The command line of Okulo.
fn main() {}
