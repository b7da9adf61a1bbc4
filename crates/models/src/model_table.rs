//! The `[model]` table: a name, and options of the name's family.

use std::fmt;
use std::marker::PhantomData;
use std::vec::IntoIter;

use burn::tensor::backend::Backend;
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{DeserializeSeed, Error, IntoDeserializer, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::family::{Entry, Family, ModelCard, Request};
use crate::{InputShape, ModelError};

/// Most channels of an image: hyperspectral cameras have some hundreds.
const MOST_CHANNELS: usize = 4096;
/// Greatest height and width of an image, in pixels: those of JPEG, plus one.
const GREATEST_SIDE: usize = 1 << 16;
/// Most parameters of a network: 8 GB of weights, and as much again for each of gradients and the optimiser's moments.
const MOST_PARAMETERS: u128 = 2_000_000_000;

/// A network of the family `F`: its name, and options where the family's defaults do not fit.
///
/// In files a table with `name` and the options beside it. Written are the options that are not the family's defaults.
#[derive(Clone)]
pub struct FamilyConfig<F: Family> {
    entry: &'static Entry<F::Variant>,
    /// The options.
    pub options: F,
}

impl<F: Family> FamilyConfig<F> {
    /// Every network of the family, with default options.
    pub fn all() -> impl Iterator<Item = Self> {
        F::entries().iter().map(|entry| Self { entry, options: F::default() })
    }

    /// What is known about the network.
    pub fn card(&self) -> &'static ModelCard {
        &self.entry.card
    }

    /// What the name stands for.
    pub fn variant(&self) -> F::Variant {
        self.entry.variant
    }

    /// Checks options, class count and image size; answers with what [`Family::init`] wants.
    pub(crate) fn request(
        &self,
        classes: usize,
        most_classes: usize,
        input: InputShape,
    ) -> Result<Request<F::Variant>, ModelError> {
        let model = self.card().name;
        let request = Request { model, variant: self.variant(), classes, input };
        self.options.check(&request)?;
        let InputShape { channels, height, width } = input;
        if classes == 0 {
            return Err(ModelError::TooFewClasses { model, found: classes });
        }
        if classes > most_classes {
            return Err(ModelError::TooManyClasses { model, found: classes, most: most_classes });
        }
        if channels == 0 {
            return Err(ModelError::NoChannels { model });
        }
        if channels > MOST_CHANNELS {
            return Err(ModelError::TooManyChannels { model, found: channels, most: MOST_CHANNELS });
        }
        if height.max(width) > GREATEST_SIDE {
            return Err(ModelError::InputTooLarge { model, found: input, maximum: GREATEST_SIDE });
        }
        let step = self.size_step();
        if !F::TAKES_ANY_SIDES && [height, width].iter().any(|side| *side == 0 || !side.is_multiple_of(step)) {
            return Err(ModelError::InputNotMultiple { model, found: input, step });
        }
        let minimum = self.minimum_side();
        if height.min(width) < minimum {
            return Err(ModelError::InputTooSmall { model, found: input, minimum });
        }
        match self.options.parameters(&request) {
            Some(parameters) if parameters > MOST_PARAMETERS => {
                Err(ModelError::TooManyParameters { model, found: parameters, most: MOST_PARAMETERS })
            }
            _ => Ok(request),
        }
    }

    pub(crate) fn init<B: Backend>(
        &self,
        classes: usize,
        most_classes: usize,
        input: InputShape,
        device: &B::Device,
    ) -> Result<F::Network<B>, ModelError> {
        Ok(self.options.init(&self.request(classes, most_classes, input)?, device))
    }

    pub(crate) fn head_prefixes(&self) -> Vec<String> {
        self.options.head(self.variant())
    }

    pub(crate) fn minimum_side(&self) -> usize {
        self.options.minimum_side(self.variant())
    }

    pub(crate) fn size_step(&self) -> usize {
        self.options.size_step(self.variant())
    }

    /// The options that the network has, each with its value.
    pub(crate) fn option_values(&self) -> Vec<(&'static str, Value)> {
        let mut values = values_of(&self.options);
        F::options_of(self.variant())
            .iter()
            .map(|&option| (option, values.remove(option).unwrap_or_default()))
            .collect()
    }

    /// Those that are not the family's defaults.
    fn changed(&self) -> Vec<(&'static str, Value)> {
        let defaults = values_of(&F::default());
        let mut values = self.option_values();
        values.retain(|(option, value)| defaults.get(*option) != Some(value));
        values
    }

    /// The network of this name with the options in the rest of its table.
    pub(crate) fn read<'de, A: MapAccess<'de>>(self, table: RestOfTable<A>) -> Result<Self, A::Error> {
        let known = KnownOptions { model: self.card().name, names: F::options_of(self.variant()) };
        let options = F::deserialize(MapAccessDeserializer::new(Options { known, option: String::new(), table }))?;
        Ok(Self { options, ..self })
    }
}

/// A family's options by name.
fn values_of<F: Family>(options: &F) -> serde_json::Map<String, Value> {
    match serde_json::to_value(options) {
        Ok(Value::Object(values)) => values,
        other => unreachable!("options are a struct of numbers, words and lists of them, found {other:?}"),
    }
}

impl<F: Family> PartialEq for FamilyConfig<F> {
    fn eq(&self, other: &Self) -> bool {
        self.card().name == other.card().name && self.options == other.options
    }
}

impl<F: Family> fmt::Debug for FamilyConfig<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple(self.card().name).field(&self.options).finish()
    }
}

impl<F: Family> Serialize for FamilyConfig<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let changed = self.changed();
        let mut table = serializer.serialize_map(Some(1 + changed.len()))?;
        table.serialize_entry(NAME, self.card().name)?;
        for (option, value) in &changed {
            table.serialize_entry(option, value)?;
        }
        table.end()
    }
}

/// The key that says which network.
const NAME: &str = "name";

/// What can be read from a `[model]` table: the networks of one list.
pub(crate) trait ModelTable: Sized {
    /// The network called `name`, with default options.
    fn named(name: &str) -> Result<Self, ModelError>;

    /// The same with the options in the rest of its table.
    fn read<'de, A: MapAccess<'de>>(self, table: RestOfTable<A>) -> Result<Self, A::Error>;
}

/// Reads a `[model]` table.
pub(crate) fn read_table<'de, D: Deserializer<'de>, T: ModelTable>(deserializer: D) -> Result<T, D::Error> {
    struct TableVisitor<T>(PhantomData<T>);
    impl<'de, T: ModelTable> Visitor<'de> for TableVisitor<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a table with the name of a model and its options")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
            // What the options are is known by the name alone, which some formats give after them.
            let mut before = Vec::new();
            while let Some(key) = map.next_key::<String>()? {
                if key == NAME {
                    let model = map.next_value_seed(Named(PhantomData::<T>))?;
                    return model.read(RestOfTable { before: before.into_iter(), value: None, map });
                }
                before.push((key, map.next_value()?));
            }
            Err(A::Error::missing_field(NAME))
        }
    }

    /// Reads a name; in here, so that an error is placed at it.
    struct Named<T>(PhantomData<T>);
    impl<'de, T: ModelTable> DeserializeSeed<'de> for Named<T> {
        type Value = T;

        fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
            deserializer.deserialize_str(self)
        }
    }
    impl<T: ModelTable> Visitor<'_> for Named<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the name of a model")
        }

        fn visit_str<E: Error>(self, name: &str) -> Result<T, E> {
            T::named(name).map_err(E::custom)
        }
    }

    deserializer.deserialize_map(TableVisitor(PhantomData))
}

/// What a `[model]` table has beside its name.
pub(crate) struct RestOfTable<A> {
    /// Options that came before the name.
    before: IntoIter<(String, Value)>,
    /// The value of the newest of them.
    value: Option<Value>,
    /// Options that come after it.
    map: A,
}

/// The options of a network, as a derived `Deserialize` reads them, each checked to be one.
struct Options<A> {
    known: KnownOptions,
    /// The newest one.
    option: String,
    table: RestOfTable<A>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Options<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let Self { known, option, table } = self;
        match table.before.next() {
            Some((key, value)) => {
                table.value = Some(value);
                (*option).clone_from(&key);
                OptionKey { known: *known, seed }.deserialize(StrDeserializer::new(&key)).map(Some)
            }
            None => table.map.next_key_seed(OptionKey { known: *known, seed }),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        match self.table.value.take() {
            // Where in the file the value is, is forgotten: the message has to name it.
            Some(value) => seed.deserialize(value).map_err(|error| {
                A::Error::custom(format_args!("option `{}` of the model `{}`: {error}", self.option, self.known.model))
            }),
            None => self.table.map.next_value_seed(seed),
        }
    }
}

/// The options of a network.
#[derive(Clone, Copy)]
struct KnownOptions {
    model: &'static str,
    names: &'static [&'static str],
}

/// Reads a key with `seed`, after checking that it is an option; in here, so that an error is placed at the key.
struct OptionKey<K> {
    known: KnownOptions,
    seed: K,
}

impl<'de, K: DeserializeSeed<'de>> DeserializeSeed<'de> for OptionKey<K> {
    type Value = K::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<K::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl<'de, K: DeserializeSeed<'de>> Visitor<'de> for OptionKey<K> {
    type Value = K::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an option of the model `{}`", self.known.model)
    }

    fn visit_str<E: Error>(self, option: &str) -> Result<K::Value, E> {
        let KnownOptions { model, names } = self.known;
        if names.contains(&option) {
            return self.seed.deserialize(option.into_deserializer());
        }
        Err(E::custom(ModelError::UnknownOption { model, option: option.to_owned(), allowed: names }))
    }
}
