//! The names of a family's options, which are those of its struct's fields.

use std::cell::Cell;

use serde::de::{DeserializeOwned, Error, Visitor};
use serde::{Deserializer, forward_to_deserialize_any};

/// Names of the fields of `T`, whose `Deserialize` is derived.
pub(crate) fn option_names<T: DeserializeOwned>() -> &'static [&'static str] {
    /// Takes the names that a derived `Deserialize` asks for, and gives nothing.
    struct Fields<'a>(&'a Cell<&'static [&'static str]>);
    impl<'de> Deserializer<'de> for Fields<'_> {
        type Error = serde::de::value::Error;

        fn deserialize_struct<V: Visitor<'de>>(
            self,
            _name: &'static str,
            fields: &'static [&'static str],
            _visitor: V,
        ) -> Result<V::Value, Self::Error> {
            self.0.set(fields);
            Err(Error::custom("the names are all that was asked for"))
        }

        fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Self::Error> {
            Err(Error::custom("options are a struct"))
        }

        forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
            newtype_struct seq tuple tuple_struct map enum identifier ignored_any
        }
    }
    let names = Cell::new(&[][..]);
    // Always an error: there is nothing to read.
    let _ = T::deserialize(Fields(&names));
    names.get()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[test]
    fn names_are_those_of_the_fields_in_their_order() {
        #[derive(Deserialize)]
        #[serde(rename_all = "kebab-case", deny_unknown_fields)]
        #[allow(dead_code, reason = "only the names are asked for")]
        struct Shape {
            width: usize,
            batch_norm: bool,
            #[serde(rename = "kind", default)]
            other: Option<String>,
        }
        assert_eq!(option_names::<Shape>(), ["width", "batch-norm", "kind"]);
        #[derive(Deserialize)]
        struct Nothing {}
        assert_eq!(option_names::<Nothing>(), [""; 0]);
        assert_eq!(option_names::<usize>(), [""; 0]);
    }
}
