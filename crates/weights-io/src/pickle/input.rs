//! The bytes of a pickle, read from front to back.

use crate::error::ContentError;

/// What is left of a pickle.
#[derive(Debug, Clone)]
pub(super) struct Input<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Input<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    pub(super) const fn position(&self) -> usize {
        self.position
    }

    pub(super) fn error(&self, reason: impl Into<String>) -> ContentError {
        ContentError::Pickle { offset: self.position, reason: reason.into() }
    }

    /// The next `length` bytes.
    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], ContentError> {
        let end = self.position.checked_add(length).filter(|end| *end <= self.bytes.len());
        let Some(end) = end else {
            let left = self.bytes.len() - self.position;
            return Err(self.error(format!("{length} bytes are announced, {left} are left")));
        };
        let taken = &self.bytes[self.position..end];
        self.position = end;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], ContentError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub(super) fn u8(&mut self) -> Result<u8, ContentError> {
        Ok(self.array::<1>()?[0])
    }

    pub(super) fn u16(&mut self) -> Result<u16, ContentError> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub(super) fn u32(&mut self) -> Result<u32, ContentError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// A length of 8 bytes.
    pub(super) fn length8(&mut self) -> Result<usize, ContentError> {
        let length = u64::from_le_bytes(self.array()?);
        usize::try_from(length).map_err(|_| self.error(format!("a length of {length} bytes")))
    }

    /// A length of 4 bytes.
    pub(super) fn length4(&mut self) -> Result<usize, ContentError> {
        Ok(self.u32()? as usize)
    }

    /// Text of `length` bytes. Lone surrogates, which Python writes in the same way, are refused.
    pub(super) fn text(&mut self, length: usize) -> Result<&'a str, ContentError> {
        let bytes = self.take(length)?;
        std::str::from_utf8(bytes).map_err(|_| self.error("text that is not UTF-8"))
    }

    /// Text up to the end of the line.
    pub(super) fn line(&mut self) -> Result<&'a str, ContentError> {
        /// Names of Python objects are short.
        const LONGEST: usize = 1024;
        let rest = &self.bytes[self.position..];
        let window = &rest[..rest.len().min(LONGEST)];
        let Some(length) = window.iter().position(|&byte| byte == b'\n') else {
            return Err(self.error("a name without an end"));
        };
        let text = self.text(length)?;
        self.position += 1;
        Ok(text)
    }
}
