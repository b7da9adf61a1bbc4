//! The machine.

use std::collections::HashMap;

use super::globals::Global;
use super::input::Input;
use super::value::{Id, StorageRef, TensorRef, Value};
use crate::error::ContentError;
use crate::tensor::DType;

/// Instructions of one pickle. A state dict takes about forty a tensor; this leaves room for 250,000 tensors and keeps
/// the arena below half a gigabyte.
const MOST_INSTRUCTIONS: usize = 10_000_000;
/// Dimensions of a tensor; PyTorch has the same limit.
const MOST_DIMENSIONS: usize = 64;
/// Arguments of a call.
const MOST_ARGUMENTS: usize = 8;

/// What a pickle left behind.
#[derive(Debug)]
pub struct Unpickled<'a> {
    values: Vec<Value<'a>>,
    root: Id,
    /// Bytes of the pickle, the stop instruction included.
    pub length: usize,
}

impl<'a> Unpickled<'a> {
    /// The value that the pickle stands for.
    pub fn root(&self) -> &Value<'a> {
        self.get(self.root)
    }

    /// A value by its number, which came from this pickle.
    pub fn get(&self, id: Id) -> &Value<'a> {
        &self.values[id as usize]
    }

    /// The whole numbers of a shape or of strides; `None` where it is something else.
    pub fn counts(&self, id: Id) -> Option<Vec<u64>> {
        counts(&self.values, id)
    }

    /// All storages, in the order they were named in.
    pub fn storages(&self) -> impl Iterator<Item = &StorageRef<'a>> {
        self.values.iter().filter_map(|value| match value {
            Value::Storage(storage) => Some(&**storage),
            _ => None,
        })
    }
}

/// Interprets the pickle at the start of `bytes`; what follows its stop instruction is left alone.
///
/// # Errors
///
/// [`ContentError::Pickle`] where the bytes are no pickle or build something that weights are not made of, and
/// [`ContentError::ForbiddenGlobal`].
pub fn load(bytes: &[u8]) -> Result<Unpickled<'_>, ContentError> {
    let mut machine = Machine {
        input: Input::new(bytes),
        values: Vec::new(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        copies_left: MOST_INSTRUCTIONS,
    };
    for _ in 0..MOST_INSTRUCTIONS {
        if let Some(root) = machine.step()? {
            return Ok(Unpickled { values: machine.values, root, length: machine.input.position() });
        }
    }
    Err(machine.input.error(format!("more than {MOST_INSTRUCTIONS} instructions")))
}

fn counts(values: &[Value<'_>], id: Id) -> Option<Vec<u64>> {
    let items: &[Id] = match &values[id as usize] {
        Value::Tuple(items) => items,
        Value::List(items) => items,
        _ => return None,
    };
    if items.len() > MOST_DIMENSIONS {
        return None;
    }
    items.iter().map(|item| count(values, *item)).collect()
}

fn count(values: &[Value<'_>], id: Id) -> Option<u64> {
    match &values[id as usize] {
        Value::Int(value) => u64::try_from(*value).ok(),
        _ => None,
    }
}

struct Machine<'a> {
    input: Input<'a>,
    values: Vec<Value<'a>>,
    stack: Vec<Id>,
    /// Heights of the stack.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
    /// Entries of lists that calls may still copy.
    copies_left: usize,
}

impl<'a> Machine<'a> {
    /// Carries out one instruction; gives the result after the last.
    #[allow(clippy::too_many_lines, reason = "one arm an instruction")]
    fn step(&mut self) -> Result<Option<Id>, ContentError> {
        let instruction = self.input.u8()?;
        match instruction {
            // PROTO, FRAME: nothing to be done.
            0x80 => {
                let protocol = self.input.u8()?;
                if !(2..=5).contains(&protocol) {
                    return Err(self.input.error(format!("protocol {protocol}, expected 2 to 5")));
                }
            }
            0x95 => {
                self.input.length8()?;
            }
            // STOP
            b'.' => return self.pop().map(Some),
            // Plain values.
            b'N' => self.push(Value::None),
            0x88 => self.push(Value::Bool(true)),
            0x89 => self.push(Value::Bool(false)),
            b'K' => {
                let value = self.input.u8()?;
                self.push(Value::Int(i64::from(value)));
            }
            b'M' => {
                let value = self.input.u16()?;
                self.push(Value::Int(i64::from(value)));
            }
            b'J' => {
                let value = i32::from_le_bytes(self.input.array()?);
                self.push(Value::Int(i64::from(value)));
            }
            0x8a => {
                let length = usize::from(self.input.u8()?);
                self.long(length)?;
            }
            0x8b => {
                let length = self.input.length4()?;
                self.long(length)?;
            }
            b'G' => {
                let value = f64::from_be_bytes(self.input.array()?);
                self.push(Value::Float(value));
            }
            0x8c => {
                let length = usize::from(self.input.u8()?);
                self.text(length)?;
            }
            b'X' => {
                let length = self.input.length4()?;
                self.text(length)?;
            }
            0x8d => {
                let length = self.input.length8()?;
                self.text(length)?;
            }
            // Python 2's strings: text where they can be.
            b'U' => {
                let length = usize::from(self.input.u8()?);
                self.string(length)?;
            }
            b'T' => {
                let length = self.input.length4()?;
                self.string(length)?;
            }
            b'C' => {
                let length = usize::from(self.input.u8()?);
                self.bytes(length)?;
            }
            b'B' => {
                let length = self.input.length4()?;
                self.bytes(length)?;
            }
            0x8e => {
                let length = self.input.length8()?;
                self.bytes(length)?;
            }
            // Collections.
            b'(' => self.marks.push(self.stack.len()),
            b')' => self.push(Value::Tuple(Box::default())),
            0x85..=0x87 => {
                let length = usize::from(instruction - 0x84);
                let items = self.pop_many(length)?;
                self.push(Value::Tuple(items.into()));
            }
            b't' => {
                let items = self.pop_to_mark()?;
                self.push(Value::Tuple(items.into()));
            }
            b']' | 0x8f => self.push(Value::List(Vec::new())),
            b'l' => {
                let items = self.pop_to_mark()?;
                self.push(Value::List(items));
            }
            b'a' => {
                let item = self.pop()?;
                self.extend_list(vec![item])?;
            }
            b'e' | 0x90 => {
                let items = self.pop_to_mark()?;
                self.extend_list(items)?;
            }
            b'}' => self.push(Value::Dict(Vec::new())),
            b'd' => {
                let items = self.pop_to_mark()?;
                let pairs = self.pairs(&items)?;
                self.push(Value::Dict(pairs));
            }
            b's' => {
                let items = self.pop_many(2)?;
                self.extend_dict(&items)?;
            }
            b'u' => {
                let items = self.pop_to_mark()?;
                self.extend_dict(&items)?;
            }
            // The stack and the memo.
            b'0' => {
                self.pop()?;
            }
            b'1' => {
                self.pop_to_mark()?;
            }
            b'2' => {
                let top = self.top()?;
                self.stack.push(top);
            }
            b'q' => {
                let slot = u32::from(self.input.u8()?);
                self.remember(slot)?;
            }
            b'r' => {
                let slot = self.input.u32()?;
                self.remember(slot)?;
            }
            0x94 => {
                let slot = self.memo.len() as u32;
                self.remember(slot)?;
            }
            b'h' => {
                let slot = u32::from(self.input.u8()?);
                self.recall(slot)?;
            }
            b'j' => {
                let slot = self.input.u32()?;
                self.recall(slot)?;
            }
            // Objects.
            b'c' => {
                let (module, name) = (self.input.line()?, self.input.line()?);
                self.global(module, name)?;
            }
            0x93 => {
                let items = self.pop_many(2)?;
                let (Value::Str(module), Value::Str(name)) = (self.get(items[0]), self.get(items[1])) else {
                    return Err(self.input.error("the name of a Python object is no text"));
                };
                let (module, name) = (*module, *name);
                self.global(module, name)?;
            }
            b'R' => self.reduce()?,
            b'b' => {
                // Attributes such as a state dict's `_metadata`: weights do not need them.
                self.pop()?;
                match self.get(self.top()?) {
                    Value::Dict(_) | Value::Tensor(_) | Value::Opaque => {}
                    _ => return Err(self.input.error("attributes are set on a plain value")),
                }
            }
            b'Q' => self.persistent()?,
            other => return Err(self.input.error(format!("instruction {other:#04x}, which builds no plain value"))),
        }
        Ok(None)
    }

    fn get(&self, id: Id) -> &Value<'a> {
        &self.values[id as usize]
    }

    fn push(&mut self, value: Value<'a>) {
        // As many values as instructions at most, so the number fits.
        self.stack.push(self.values.len() as Id);
        self.values.push(value);
    }

    /// The lowest height of the stack that may be taken from.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn top(&self) -> Result<Id, ContentError> {
        match self.stack.last() {
            Some(top) if self.stack.len() > self.floor() => Ok(*top),
            _ => Err(self.input.error("the stack is empty")),
        }
    }

    fn pop(&mut self) -> Result<Id, ContentError> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn pop_many(&mut self, count: usize) -> Result<Vec<Id>, ContentError> {
        match self.stack.len().checked_sub(count) {
            Some(start) if start >= self.floor() => Ok(self.stack.split_off(start)),
            _ => Err(self.input.error("the stack is empty")),
        }
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Id>, ContentError> {
        let mark = self.marks.pop().ok_or_else(|| self.input.error("no mark on the stack"))?;
        Ok(self.stack.split_off(mark))
    }

    fn remember(&mut self, slot: u32) -> Result<(), ContentError> {
        let top = self.top()?;
        self.memo.insert(slot, top);
        Ok(())
    }

    fn recall(&mut self, slot: u32) -> Result<(), ContentError> {
        let id = *self.memo.get(&slot).ok_or_else(|| self.input.error(format!("nothing was kept as {slot}")))?;
        self.stack.push(id);
        Ok(())
    }

    fn long(&mut self, length: usize) -> Result<(), ContentError> {
        let bytes = self.input.take(length)?;
        let value = if bytes.len() <= 8 {
            let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
            let mut extended = [if negative { 0xFF } else { 0 }; 8];
            extended[..bytes.len()].copy_from_slice(bytes);
            Value::Int(i64::from_le_bytes(extended))
        } else {
            Value::LongInt(bytes)
        };
        self.push(value);
        Ok(())
    }

    fn text(&mut self, length: usize) -> Result<(), ContentError> {
        let text = self.input.text(length)?;
        self.push(Value::Str(text));
        Ok(())
    }

    fn string(&mut self, length: usize) -> Result<(), ContentError> {
        let bytes = self.input.take(length)?;
        self.push(std::str::from_utf8(bytes).map_or(Value::Bytes(bytes), Value::Str));
        Ok(())
    }

    fn bytes(&mut self, length: usize) -> Result<(), ContentError> {
        let bytes = self.input.take(length)?;
        self.push(Value::Bytes(bytes));
        Ok(())
    }

    fn extend_list(&mut self, items: Vec<Id>) -> Result<(), ContentError> {
        let top = self.top()?;
        match &mut self.values[top as usize] {
            Value::List(list) => list.extend(items),
            _ => return Err(self.input.error("items for what is no list")),
        }
        Ok(())
    }

    fn pairs(&self, items: &[Id]) -> Result<Vec<(Id, Id)>, ContentError> {
        let (pairs, rest) = items.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(self.input.error("a key without a value"));
        }
        Ok(pairs.iter().map(|[key, value]| (*key, *value)).collect())
    }

    fn extend_dict(&mut self, items: &[Id]) -> Result<(), ContentError> {
        let pairs = self.pairs(items)?;
        let top = self.top()?;
        match &mut self.values[top as usize] {
            Value::Dict(dict) => dict.extend(pairs),
            _ => return Err(self.input.error("entries for what is no dictionary")),
        }
        Ok(())
    }

    fn global(&mut self, module: &str, name: &str) -> Result<(), ContentError> {
        match Global::find(module, name) {
            Some(global) => self.push(Value::Global(global)),
            None => return Err(ContentError::ForbiddenGlobal { global: format!("{module}.{name}") }),
        }
        Ok(())
    }

    /// What a call of a known object gives.
    fn reduce(&mut self) -> Result<(), ContentError> {
        let call = self.pop_many(2)?;
        let (Value::Global(global), Value::Tuple(arguments)) = (self.get(call[0]), self.get(call[1])) else {
            return Err(self.input.error("a call of what is no function"));
        };
        // None of the calls looks at more.
        let arguments: Vec<Id> = arguments.iter().take(MOST_ARGUMENTS).copied().collect();
        let global = *global;
        match (global, &arguments[..]) {
            (Global::OrderedDict, []) => self.push(Value::Dict(Vec::new())),
            (Global::OrderedDict, &[pairs]) => {
                let pairs = self.ordered_pairs(pairs)?;
                self.push(Value::Dict(pairs));
            }
            (Global::Size, &[values]) | (Global::RebuildParameter, &[values, ..]) => self.stack.push(values),
            (Global::Device, _) => self.push(Value::Opaque),
            (Global::RebuildTensor | Global::RebuildTensorV2, &[storage, offset, size, stride, ..]) => {
                let dtype = self.storage_dtype(storage)?;
                self.tensor(storage, offset, size, stride, dtype)?;
            }
            (Global::RebuildTensorV3, &[storage, offset, size, stride, _, _, dtype, ..]) => {
                let Value::Global(Global::DType(dtype)) = *self.get(dtype) else {
                    return Err(self.input.error("a tensor without a type"));
                };
                self.storage_dtype(storage)?;
                self.tensor(storage, offset, size, stride, Some(dtype))?;
            }
            _ => return Err(self.input.error(format!("a call of {global:?} with {} arguments", arguments.len()))),
        }
        Ok(())
    }

    fn ordered_pairs(&mut self, list: Id) -> Result<Vec<(Id, Id)>, ContentError> {
        let Value::List(items) = &self.values[list as usize] else {
            return Err(self.input.error("a dictionary made of no list"));
        };
        self.copies_left = match self.copies_left.checked_sub(items.len()) {
            Some(left) => left,
            None => return Err(self.input.error("too many copies of a list")),
        };
        let pair = |item: &Id| match &self.values[*item as usize] {
            Value::List(pair) => <[Id; 2]>::try_from(&**pair).ok(),
            Value::Tuple(pair) => <[Id; 2]>::try_from(&**pair).ok(),
            _ => None,
        };
        items
            .iter()
            .map(|item| pair(item).map(|[key, value]| (key, value)).ok_or_else(|| self.input.error("no pair")))
            .collect()
    }

    fn storage_dtype(&self, storage: Id) -> Result<Option<DType>, ContentError> {
        match self.get(storage) {
            Value::Storage(storage) => Ok(storage.dtype),
            _ => Err(self.input.error("a tensor without a storage")),
        }
    }

    fn tensor(
        &mut self,
        storage: Id,
        offset: Id,
        size: Id,
        stride: Id,
        dtype: Option<DType>,
    ) -> Result<(), ContentError> {
        let dtype = dtype.ok_or_else(|| self.input.error("a tensor without a type"))?;
        let offset = self.count(offset)?;
        let dimensions = |id| {
            let counts = counts(&self.values, id).map(|counts| counts.len());
            counts.ok_or_else(|| self.input.error(format!("a shape that is no tuple of at most {MOST_DIMENSIONS}")))
        };
        let (shape, strides) = (dimensions(size)?, dimensions(stride)?);
        if shape != strides {
            return Err(self.input.error(format!("{strides} strides for {shape} dimensions")));
        }
        self.push(Value::Tensor(Box::new(TensorRef { storage, dtype, offset, shape: size, stride })));
        Ok(())
    }

    fn count(&self, id: Id) -> Result<u64, ContentError> {
        count(&self.values, id).ok_or_else(|| self.input.error("a size that is no count"))
    }

    /// `('storage', type, key, location, length)`, in the older form with a view at the end.
    fn persistent(&mut self) -> Result<(), ContentError> {
        let id = self.pop()?;
        let problem = |text: &str| self.input.error(text);
        let Value::Tuple(parts) = self.get(id) else { return Err(problem("a reference that is no tuple")) };
        let parts: Vec<&Value<'a>> = parts.iter().take(6).map(|part| self.get(*part)).collect();
        let [Value::Str(kind), Value::Global(Global::Storage(dtype)), Value::Str(key), _, _, rest @ ..] = &parts[..]
        else {
            return Err(problem("a reference to something other than a storage"));
        };
        if *kind != "storage" {
            return Err(problem("a reference to something other than a storage"));
        }
        let view_offset = match rest {
            [Value::Tuple(view)] => match view[..] {
                [_, offset, _] => self.count(offset)?,
                _ => return Err(problem("a view of a storage without three parts")),
            },
            _ => 0,
        };
        let storage = StorageRef { key, dtype: *dtype, view_offset };
        self.push(Value::Storage(Box::new(storage)));
        Ok(())
    }
}
