//! A tensor that a module carries without training it, such as batch normalisation's running statistics.

use std::sync::{Arc, Mutex};

use burn::module::{
    AutodiffModule, Content, Devices, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper, ModuleVisitor, Param,
    ParamId,
};
use burn::tensor::Tensor;
use burn::tensor::backend::{AutodiffBackend, Backend};

/// A tensor that belongs to a module's state but gets no gradient, and that a forward pass may replace.
///
/// Unlike burn's `RunningState`, a clone has a value of its own and a visitor always sees the latest one: both matter
/// to checkpoints and averaged weights.
#[derive(Debug)]
pub struct Buffer<B: Backend, const D: usize> {
    id: ParamId,
    value: Arc<Mutex<Tensor<B, D>>>,
}

impl<B: Backend, const D: usize> Buffer<B, D> {
    /// A buffer holding `value`.
    pub fn new(value: Tensor<B, D>) -> Self {
        Self::with_id(ParamId::new(), value)
    }

    fn with_id(id: ParamId, value: Tensor<B, D>) -> Self {
        Self { id, value: Arc::new(Mutex::new(value)) }
    }

    /// The current value.
    pub fn value(&self) -> Tensor<B, D> {
        self.lock().clone()
    }

    /// Replaces the value; seen by nobody but holders of this very buffer.
    pub fn set(&self, value: Tensor<B, D>) {
        *self.lock() = value;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Tensor<B, D>> {
        // A panic while holding the lock cannot leave a half-written tensor: the value is replaced in one move.
        self.value.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl<B: Backend, const D: usize> Clone for Buffer<B, D> {
    fn clone(&self) -> Self {
        Self::with_id(self.id, self.value())
    }
}

impl<B: Backend, const D: usize> Module<B> for Buffer<B, D> {
    type Record = Param<Tensor<B, D>>;

    fn collect_devices(&self, mut devices: Devices<B>) -> Devices<B> {
        let device = self.value().device();
        if !devices.contains(&device) {
            devices.push(device);
        }
        devices
    }

    fn fork(self, device: &B::Device) -> Self {
        self.to_device(device)
    }

    fn to_device(self, device: &B::Device) -> Self {
        self.set(self.value().to_device(device));
        self
    }

    fn visit<V: ModuleVisitor<B>>(&self, visitor: &mut V) {
        visitor.visit_float(&Param::initialized(self.id, self.value()));
    }

    fn map<M: ModuleMapper<B>>(self, mapper: &mut M) -> Self {
        let (_, value, _) = mapper.map_float(Param::initialized(self.id, self.value())).consume();
        self.set(value);
        self
    }

    fn load_record(self, record: Self::Record) -> Self {
        let device = self.value().device();
        Self::with_id(record.id, record.val().to_device(&device))
    }

    fn into_record(self) -> Self::Record {
        Param::initialized(self.id, self.value())
    }
}

impl<B: AutodiffBackend, const D: usize> AutodiffModule<B> for Buffer<B, D> {
    type InnerModule = Buffer<B::InnerBackend, D>;

    fn valid(&self) -> Self::InnerModule {
        Buffer::with_id(self.id, self.value().inner())
    }

    fn from_inner(module: Self::InnerModule) -> Self {
        Self::with_id(module.id, Tensor::from_inner(module.value()))
    }
}

impl<B: Backend, const D: usize> ModuleDisplayDefault for Buffer<B, D> {
    fn content(&self, content: Content) -> Option<Content> {
        content.add_formatted(&format!("Buffer{:?}", self.value().dims())).optional()
    }
}

impl<B: Backend, const D: usize> ModuleDisplay for Buffer<B, D> {}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use burn::backend::Flex;

    use super::*;

    #[test]
    fn a_clone_has_its_own_value() {
        let device = Default::default();
        let first = Buffer::<Flex, 1>::new(Tensor::zeros([2], &device));
        let second = first.clone();
        first.set(Tensor::ones([2], &device));
        assert_eq!(second.value().to_data().to_vec::<f32>().expect("f32"), [0.0, 0.0]);
        assert_eq!(first.value().to_data().to_vec::<f32>().expect("f32"), [1.0, 1.0]);
    }
}
