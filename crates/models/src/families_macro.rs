//! What every list of families is made into.

/// Makes of a list of families that answer alike:
///
/// - the config, an enum with a variant a family, which holds a [`FamilyConfig`](crate::FamilyConfig): names, options,
///   checks, the `[model]` table in files;
/// - the network, an enum with a variant a family; names of its tensors are those of the network inside;
/// - what a program calls the network by, as the line `answers` says:
///   - `as ClassifierParts`: every network implements this trait, and so does the enum;
///   - `with SegmenterOutput`: every network's output is this, or can become it;
///   - `each its own DetectorOutput`: every network has an output of its own, and this is the enum of them.
///
/// A line of the list is a variant and the type of the family's options, which implements
/// [`Family`](crate::family::Family).
macro_rules! families {
    (
        task: $task:literal,
        most_classes: $most_classes:literal,
        $(#[$config_doc:meta])*
        config: $config:ident,
        $(#[$network_doc:meta])*
        network: $network:ident,
        $(#[$answer_doc:meta])*
        answers: $($answer:ident)+,
        families: { $($(#[$family_doc:meta])* $family:ident($options:ty),)+ }
    ) => {
        $(#[$config_doc])*
        #[derive(Clone, PartialEq)]
        pub enum $config {
            $($(#[$family_doc])* #[doc = concat!("\n\nOptions: [`", stringify!($options), "`].")] $family(FamilyConfig<$options>),)+
        }

        impl $config {
            /// What the networks are for.
            pub const TASK: &'static str = $task;
            const MOST_CLASSES: usize = $most_classes;

            /// The network called `name`, with default options.
            ///
            /// # Errors
            ///
            /// [`ModelError::UnknownName`] with the nearest valid names, or [`ModelError::OtherTask`].
            pub fn named(name: &str) -> Result<Self, ModelError> {
                Self::all().find(|config| config.name() == name).ok_or_else(|| match task_of(name) {
                    Some(found) => ModelError::OtherTask { name: name.to_owned(), found, expected: Self::TASK },
                    None => {
                        let names = Self::names().into_iter().map(|card| card.name);
                        ModelError::UnknownName { found: name.to_owned(), nearest: nearest(name, names) }
                    }
                })
            }

            /// Every network with default options, by family.
            pub fn all() -> impl Iterator<Item = Self> {
                std::iter::empty()$(.chain(FamilyConfig::<$options>::all().map(Self::$family)))+
            }

            /// Every network: name, description, parameter count, default input, paper.
            pub fn names() -> Vec<&'static ModelCard> {
                Self::all().map(|config| config.card()).collect()
            }

            /// What is known about the network.
            pub fn card(&self) -> &'static ModelCard {
                match self {
                    $(Self::$family(config) => config.card(),)+
                }
            }

            /// The network's name.
            pub fn name(&self) -> &'static str {
                self.card().name
            }

            /// Every option that the network has, in the order in which they are listed, with its value; null where it
            /// is unset.
            pub fn options(&self) -> Vec<(&'static str, serde_json::Value)> {
                match self {
                    $(Self::$family(config) => config.option_values(),)+
                }
            }

            /// Checks the options, class count and image size without building anything.
            ///
            /// # Errors
            ///
            /// As for [`init`](Self::init).
            pub fn check(&self, classes: usize, input: InputShape) -> Result<(), ModelError> {
                match self {
                    $(Self::$family(config) => config.request(classes, Self::MOST_CLASSES, input).map(drop),)+
                }
            }

            /// The network, its weights drawn from the calling thread's generator (see
            /// [`tensor_backend::random::seed`]).
            ///
            /// # Errors
            ///
            /// An option out of its range, no classes or no channels or too many, images that the network cannot take,
            /// or more parameters than memory can hold.
            pub fn init<B: Backend>(
                &self,
                classes: usize,
                input: InputShape,
                device: &B::Device,
            ) -> Result<$network<B>, ModelError> {
                match self {
                    $(Self::$family(config) => {
                        config.init(classes, Self::MOST_CLASSES, input, device).map($network::$family)
                    })+
                }
            }

            /// Paths of the layers whose tensors depend on the number of classes: the tensors are these followed by
            /// `.weight` and, where there is one, `.bias`.
            pub fn head_prefixes(&self) -> Vec<String> {
                match self {
                    $(Self::$family(config) => config.head_prefixes(),)+
                }
            }

            /// The least height and width of an image, in pixels.
            pub fn minimum_side(&self) -> usize {
                match self {
                    $(Self::$family(config) => config.minimum_side(),)+
                }
            }

            /// What the network wants the sides of an image to be multiples of, in pixels, so that maps fit onto one
            /// another. Detectors refuse other images; other networks that have such a step enlarge them.
            pub fn size_step(&self) -> usize {
                match self {
                    $(Self::$family(config) => config.size_step(),)+
                }
            }
        }

        #[cfg(feature = "schema")]
        impl $config {
            /// The options of each family: the names of its networks, and the schema of the options beside them.
            pub fn option_schemas() -> Vec<(Vec<&'static str>, schemars::Schema)> {
                vec![$((
                    FamilyConfig::<$options>::all().map(|config| config.card().name).collect(),
                    schemars::schema_for!($options),
                ),)+]
            }
        }

        /// A table with a name; what else it has depends on the name, see [`option_schemas`](Self::option_schemas).
        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $config {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($config).into()
            }

            fn json_schema(_generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let names: Vec<&str> = Self::names().into_iter().map(|card| card.name).collect();
                schemars::json_schema!({
                    "type": "object",
                    "properties": { "name": { "type": "string", "enum": names } },
                    "required": ["name"],
                })
            }
        }

        /// The network's name and its options.
        impl fmt::Debug for $config {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$family(config) => config.fmt(f),)+
                }
            }
        }

        /// A table with the name and the options that are not the family's defaults.
        impl Serialize for $config {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $(Self::$family(config) => config.serialize(serializer),)+
                }
            }
        }

        impl<'de> Deserialize<'de> for $config {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                read_table(deserializer)
            }
        }

        impl ModelTable for $config {
            fn named(name: &str) -> Result<Self, ModelError> {
                Self::named(name)
            }

            fn read<'de, A: MapAccess<'de>>(self, table: RestOfTable<A>) -> Result<Self, A::Error> {
                match self {
                    $(Self::$family(config) => config.read(table).map(Self::$family),)+
                }
            }
        }

        $(#[$network_doc])*
        #[derive(Module, Debug)]
        pub enum $network<B: Backend> {
            $($(#[$family_doc])* #[doc = concat!("\n\nOptions: [`", stringify!($options), "`].")] $family(<$options as Family>::Network<B>),)+
        }

        impl<B: Backend> $network<B> {
            /// Channels of the images that it sees.
            pub fn input_channels(&self) -> usize {
                match self {
                    $(Self::$family(network) => <$options as Family>::input_channels(network),)+
                }
            }
        }

        families! { @answers $(#[$answer_doc])* $($answer)+, $network: $($(#[$family_doc])* $family($options),)+ }
    };

    (@answers as ClassifierParts, $network:ident: $($(#[$doc:meta])* $family:ident($options:ty),)+) => {
        impl<B: VisionBackend> $network<B> {
            fn parts(&self) -> &dyn ClassifierParts<B> {
                match self {
                    $(Self::$family(network) => network,)+
                }
            }
        }

        impl<B: VisionBackend> Backbone<B> for $network<B> {
            fn stages(&self) -> Vec<Stage> {
                self.parts().stages()
            }

            fn forward_stage(&self, index: usize, input: Tensor<B, 4>) -> Tensor<B, 4> {
                self.parts().forward_stage(index, input)
            }
        }

        impl<B: VisionBackend> ClassifierParts<B> for $network<B> {
            fn pool(&self, map: Tensor<B, 4>) -> Tensor<B, 2> {
                self.parts().pool(map)
            }

            fn head(&self, features: Tensor<B, 2>) -> Tensor<B, 2> {
                self.parts().head(features)
            }

            fn head_modules(&self) -> &'static [&'static str] {
                self.parts().head_modules()
            }
        }

        impl<B: VisionBackend> Network<B> for $network<B> {
            type Output = Tensor<B, 2>;

            /// Logits `[batch, classes]` of `images` `[batch, channels, height, width]`.
            fn forward(&self, images: Tensor<B, 4>) -> Tensor<B, 2> {
                self.logits(images)
            }
        }
    };

    (@answers with $output:ident, $network:ident: $($(#[$doc:meta])* $family:ident($options:ty),)+) => {
        impl<B: VisionBackend> Network<B> for $network<B> {
            type Output = $output<B>;

            /// The network's answer to `images` `[batch, channels, height, width]`.
            fn forward(&self, images: Tensor<B, 4>) -> $output<B> {
                match self {
                    $(Self::$family(network) => network.forward(images).into(),)+
                }
            }
        }
    };

    (
        @answers $(#[$output_doc:meta])* each its own $output:ident,
        $network:ident: $($(#[$doc:meta])* $family:ident($options:ty),)+
    ) => {
        $(#[$output_doc])*
        #[derive(Debug, Clone)]
        pub enum $output<B: VisionBackend> {
            $($(#[$doc])* #[doc = concat!("\n\nOptions: [`", stringify!($options), "`].")] $family(<<$options as Family>::Network<B> as Network<B>>::Output),)+
        }

        impl<B: VisionBackend> Answer for $output<B> {
            fn wait(self) {
                match self {
                    $(Self::$family(output) => output.wait(),)+
                }
            }
        }

        impl<B: VisionBackend> Network<B> for $network<B> {
            type Output = $output<B>;

            /// The network's answer to `images` `[batch, channels, height, width]`.
            fn forward(&self, images: Tensor<B, 4>) -> $output<B> {
                match self {
                    $(Self::$family(network) => $output::$family(network.forward(images)),)+
                }
            }
        }
    };
}

pub(crate) use families;
