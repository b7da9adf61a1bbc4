//! Schemas of types whose form in files is written by hand: what they take is said where they are a key.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};

/// Any value: the key that has the type says in words what it takes.
macro_rules! described_in_words {
    ($($type:ident),*) => {
        $(
            impl JsonSchema for crate::$type {
                fn schema_name() -> Cow<'static, str> {
                    stringify!($type).into()
                }

                fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
                    Schema::default()
                }
            }
        )*
    };
}
described_in_words!(ImageSize, Spread);
