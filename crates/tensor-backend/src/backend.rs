//! The backend that the features choose, and its device.

use burn::backend::Autodiff;
use burn::tensor::backend::BackendTypes;
use thiserror::Error;

/// The backend chosen by feature: `cuda` before `ndarray` before `cpu` where several are on.
#[cfg(feature = "cuda")]
pub type SelectedBackend = burn::backend::Cuda;
/// The backend chosen by feature: `cuda` before `ndarray` before `cpu` where several are on.
#[cfg(all(feature = "ndarray", not(feature = "cuda")))]
pub type SelectedBackend = burn::backend::NdArray;
/// The backend chosen by feature: `cuda` before `ndarray` before `cpu` where several are on.
#[cfg(all(feature = "cpu", not(any(feature = "ndarray", feature = "cuda"))))]
pub type SelectedBackend = burn::backend::Flex;

/// [`SelectedBackend`] with gradients.
pub type TrainingBackend = Autodiff<SelectedBackend>;

/// The device type of [`SelectedBackend`].
pub type SelectedDevice = <SelectedBackend as BackendTypes>::Device;

/// The chosen feature's name, as recorded with a run.
pub const BACKEND_NAME: &str = if cfg!(feature = "cuda") {
    "cuda"
} else if cfg!(feature = "ndarray") {
    "ndarray"
} else {
    "cpu"
};

/// Why no device could be opened.
#[derive(Debug, Error)]
pub enum DeviceError {
    /// The program was built for CUDA and the machine cannot serve it.
    #[error(
        "no CUDA device was found: {reason}. Install the NVIDIA driver, or build for the processor with the feature \
         `cpu` (`cargo xtask …`)"
    )]
    NoCudaDevice {
        /// What was missing.
        reason: String,
    },
}

/// The device to run on: the first GPU with `cuda`, the processor otherwise.
///
/// # Errors
///
/// [`DeviceError::NoCudaDevice`] when the program was built with `cuda` and there is no driver or no device.
pub fn open_device() -> Result<SelectedDevice, DeviceError> {
    #[cfg(feature = "cuda")]
    cuda_probe::require_device()?;
    Ok(SelectedDevice::default())
}

/// Asks the driver for its devices before burn does, because burn's CUDA backend panics where there are none.
#[cfg(feature = "cuda")]
mod cuda_probe {
    use std::ffi::c_int;

    use super::DeviceError;

    #[cfg(windows)]
    const DRIVER_LIBRARIES: [&str; 1] = ["nvcuda.dll"];
    #[cfg(not(windows))]
    const DRIVER_LIBRARIES: [&str; 2] = ["libcuda.so.1", "libcuda.so"];

    pub(super) fn require_device() -> Result<(), DeviceError> {
        let missing = |reason: String| DeviceError::NoCudaDevice { reason };
        // SAFETY: loading the NVIDIA driver runs its initialisers, which have no preconditions.
        let driver = DRIVER_LIBRARIES
            .iter()
            .find_map(|name| unsafe { libloading::Library::new(name) }.ok())
            .ok_or_else(|| missing(format!("the NVIDIA driver library ({}) is not installed", DRIVER_LIBRARIES[0])))?;
        // SAFETY: `cuInit(unsigned int) -> CUresult` and `cuDeviceGetCount(int *) -> CUresult` have these types in
        // every version of the driver interface; `count` outlives the call.
        let (status, count) = unsafe {
            let init = driver
                .get::<unsafe extern "C" fn(u32) -> c_int>(b"cuInit\0")
                .map_err(|error| missing(error.to_string()))?;
            let device_count = driver
                .get::<unsafe extern "C" fn(*mut c_int) -> c_int>(b"cuDeviceGetCount\0")
                .map_err(|error| missing(error.to_string()))?;
            let mut count: c_int = 0;
            let status = init(0);
            (if status == 0 { device_count(&mut count) } else { status }, count)
        };
        match (status, count) {
            (0, 1..) => Ok(()),
            (0, _) => Err(missing("the driver reports no device".to_owned())),
            (code, _) => Err(missing(format!("the driver answered with error {code}"))),
        }
    }
}
