//! Image-recognition networks with the field names of their reference implementations.
