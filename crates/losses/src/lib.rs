//! Loss functions of image recognition: tensors in, scalar out.
