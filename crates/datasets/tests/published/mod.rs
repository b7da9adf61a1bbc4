//! Where published data lie.

use std::path::PathBuf;

/// The folder `name` of the test data; says that the test was skipped where there is none.
pub(crate) fn test_data(name: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("OKULO_TEST_DATA") else {
        println!("skipped: OKULO_TEST_DATA is not set");
        return None;
    };
    let path = PathBuf::from(folder).join(name);
    if !path.exists() {
        println!("skipped: {} does not exist", path.display());
        return None;
    }
    Some(path)
}
