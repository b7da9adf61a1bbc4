//! What makes a kind of data: its settings, how it is opened, and how its files are told from others.
//!
//! A kind is one file with the reader, its settings ([`data_settings!`]) and its [`DataKind`], a `mod` line, and one
//! line in the list of its task (`specs/`), which [`data_kinds!`] turns into the type that configurations hold.

use std::path::Path;

use crate::DatasetError;
use crate::listing::Listing;
use crate::split::SplitFractions;

/// The share of the training data that is set aside for validation where nothing else is said.
pub const DEFAULT_VALIDATION_SPLIT: f64 = 0.1;

/// Keys of a configuration with their meanings, in order.
pub type Keys = &'static [(&'static str, &'static str)];

/// Settings that every kind of data has; [`data_settings!`] writes it.
pub(crate) trait DataSettings {
    /// Its keys.
    const KEYS: Keys;

    /// Whether there are files at a path.
    const HAS_FILES: bool;

    /// The path in the configuration.
    fn path(&self) -> Option<&Path>;
}

/// Settings of data in files.
pub(crate) trait FileSettings: DataSettings {
    /// The defaults for data at `path` of which `fractions` are set aside.
    fn at(path: &Path, fractions: SplitFractions) -> Self;

    /// What is set aside.
    fn fractions(&self) -> SplitFractions;
}

/// One kind of data, by its settings.
pub(crate) trait DataKind: DataSettings + Sized {
    /// What it is opened as.
    type Data;

    /// The settings of `auto`, of which [`recognise`](Self::recognise) keeps what it can.
    type Auto;

    /// What its files look like, for the message that nothing was recognised; empty where another kind says it.
    const LOOKS_LIKE: &'static str = "";

    /// Opens the data at `root`, which is empty for data without files.
    fn open(&self, root: &Path) -> Result<Self::Data, DatasetError>;

    /// The settings with which the folder or file `place` opens, where it holds data of this kind.
    fn recognise(place: &Path, auto: &Self::Auto) -> Result<Option<Self>, DatasetError> {
        let _ = (place, auto);
        Ok(None)
    }
}

/// The first kind that `recognise` finds at `root`, or in the only folder that lies there (as archives unpack).
///
/// # Errors
///
/// [`DatasetError::NotRecognised`] with what was looked for, a missing or unreadable path, or an error of a reader.
pub(crate) fn detect<S>(
    root: &Path,
    looks_like: &[&str],
    recognise: impl Fn(&Path) -> Result<Option<S>, DatasetError>,
) -> Result<S, DatasetError> {
    let metadata = std::fs::metadata(root).map_err(|source| DatasetError::from_io(root, source))?;
    if let Some(found) = recognise(root)? {
        return Ok(found);
    }
    let mut found = "a file".to_owned();
    if !metadata.is_file() {
        let listing = Listing::of(root)?;
        if let [inner] = listing.folders.as_slice()
            && let Some(found) = recognise(inner)?
        {
            return Ok(found);
        }
        found = listing.describe();
    }
    let kinds: Vec<&str> = looks_like.iter().copied().filter(|text| !text.is_empty()).collect();
    let looked_for = match kinds.as_slice() {
        [others @ .., last] if !others.is_empty() => format!("{}, and {last}", others.join(", ")),
        kinds => kinds.concat(),
    };
    Err(DatasetError::NotRecognised { path: root.to_owned(), found, looked_for })
}

/// Whether the name of `path` ends in one of `extensions`, upper or lower case.
pub(crate) fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    extensions.iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// The settings of a kind of data: a struct whose fields have defaults, and [`DataSettings`] for it.
///
/// `from files` adds the path in front, and `with validation_split, test_split` (or the first of them) what is set
/// aside of the training data; fields `then { … }` come last.
macro_rules! data_settings {
    (
        $(#[doc = $about:literal])*
        pub struct $name:ident from files { $($own:tt)* }
        with validation_split, test_split
    ) => {
        crate::kind::data_settings! {
            @path $(#[doc = $about])* $name { $($own)* } {
                /// Share set aside for testing where the data have no such split; 0 for none.
                pub test_split: f64 = 0.0;
            } {}
        }
        crate::kind::data_settings! { @files $name, |settings| settings.test_split, |settings, share| settings.test_split = share }
    };
    (
        $(#[doc = $about:literal])*
        pub struct $name:ident from files { $($own:tt)* }
        with validation_split $(then { $($after:tt)* })?
    ) => {
        crate::kind::data_settings! { @path $(#[doc = $about])* $name { $($own)* } {} { $($($after)*)? } }
        crate::kind::data_settings! { @files $name, |_settings| 0.0, |_settings, _share| () }
    };
    (@path $(#[doc = $about:literal])* $name:ident { $($own:tt)* } { $($test:tt)* } { $($after:tt)* }) => {
        crate::kind::data_settings! {
            @fields $(#[doc = $about])* $name {
                /// The folder or file; the command line may name another.
                pub path: Option<std::path::PathBuf> = None, omit "Option::is_none";
                $($own)*
                /// Share set aside for validation where the data have no such split; 0 for none.
                pub validation_split: f64 = crate::DEFAULT_VALIDATION_SPLIT;
                $($test)*
                /// Seed of the choice.
                pub split_seed: u64 = 0;
                $($after)*
            }
            has_files true, |settings| settings.path.as_deref()
        }
    };
    (@files $name:ident, |$settings:ident| $test:expr, |$changed:ident, $share:ident| $set:expr) => {
        impl crate::kind::FileSettings for $name {
            #[allow(clippy::needless_update, reason = "some kinds have no settings of their own")]
            fn at(path: &std::path::Path, fractions: crate::SplitFractions) -> Self {
                let mut $changed = Self {
                    path: Some(path.to_owned()),
                    validation_split: fractions.validation,
                    split_seed: fractions.seed,
                    ..Self::default()
                };
                let $share = fractions.test;
                $set;
                $changed
            }

            fn fractions(&self) -> crate::SplitFractions {
                let $settings = self;
                crate::SplitFractions { validation: self.validation_split, test: $test, seed: self.split_seed }
            }
        }
    };
    ($(#[doc = $about:literal])* pub struct $name:ident { $($own:tt)* }) => {
        crate::kind::data_settings! {
            @fields $(#[doc = $about])* $name { $($own)* } has_files false, |_settings| None
        }
    };
    (
        @fields $(#[doc = $about:literal])* $name:ident {
            $(
                $(#[doc = $doc:literal])*
                pub $field:ident: $type:ty = $default:expr $(, omit $omit:literal)?;
            )*
        }
        has_files $files:literal, |$settings:ident| $path:expr
    ) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(deny_unknown_fields, default)]
        pub struct $name {
            $(
                $(#[doc = $doc])*
                $(#[serde(skip_serializing_if = $omit)])?
                pub $field: $type,
            )*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl crate::kind::DataSettings for $name {
            const KEYS: crate::kind::Keys = &[$((stringify!($field), concat!($($doc),*))),*];
            const HAS_FILES: bool = $files;

            fn path(&self) -> Option<&std::path::Path> {
                let $settings = self;
                $path
            }
        }
    };
}
pub(crate) use data_settings;

/// The list of a task's kinds of data: a line a kind makes the variant, its name, its path, its opening and its
/// recognition. `Auto` stands for whatever lies at the path; kinds are tried in the order of the list.
macro_rules! data_kinds {
    (
        $(#[doc = $about:literal])*
        pub enum $name:ident for $data:ty, samples of $annotation:ty {
            $(#[doc = $about_auto:literal])*
            Auto($auto:ty),
            $($(#[doc = $doc:literal])* $variant:ident($settings:ty) = $kind:literal,)*
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(tag = "kind")]
        pub enum $name {
            $(#[doc = $about_auto])*
            #[serde(rename = "auto")]
            Auto($auto),
            $(
                $(#[doc = $doc])*
                #[doc = concat!("\n\nSettings: [`", stringify!($settings), "`].")]
                #[serde(rename = $kind)]
                $variant($settings),
            )*
        }

        impl $name {
            /// Every kind with its keys and their meanings; `kind` itself is not among them.
            pub const KEYS: &'static [(&'static str, crate::kind::Keys)] = &[
                ("auto", <$auto as crate::kind::DataSettings>::KEYS),
                $(($kind, <$settings as crate::kind::DataSettings>::KEYS),)*
            ];

            /// The value of `kind`.
            pub const fn kind(&self) -> &'static str {
                match self {
                    Self::Auto(_) => "auto",
                    $(Self::$variant(_) => $kind,)*
                }
            }

            /// The path in the configuration.
            pub fn path(&self) -> Option<&std::path::Path> {
                match self {
                    Self::Auto(settings) => crate::kind::DataSettings::path(settings),
                    $(Self::$variant(settings) => crate::kind::DataSettings::path(settings),)*
                }
            }

            /// Tells from the content of `root` what data set it is: the first kind whose files lie there, or in the
            /// only folder that lies there, as archives unpack. The result has the path where the data were found and
            /// the settings of `auto`.
            ///
            /// # Errors
            ///
            /// [`DatasetError::NotRecognised`](crate::DatasetError::NotRecognised), a missing or unreadable path, or
            /// what a reader of one kind says.
            pub fn detect(root: &std::path::Path, auto: &$auto) -> Result<Self, crate::DatasetError> {
                let looks_like = [$(<$settings as crate::kind::DataKind>::LOOKS_LIKE),*];
                crate::kind::detect(root, &looks_like, |place| {
                    $(
                        if let Some(found) = <$settings as crate::kind::DataKind>::recognise(place, auto)? {
                            return Ok(Some(Self::$variant(found)));
                        }
                    )*
                    Ok(None)
                })
            }

            /// Reads the data at `root`, or where the configuration says if `root` is `None`.
            fn read_at(&self, root: Option<&std::path::Path>) -> Result<$data, crate::DatasetError> {
                let required = || {
                    root.or(self.path()).ok_or(crate::DatasetError::PathRequired { kind: self.kind() })
                };
                match self {
                    Self::Auto(settings) => Self::detect(required()?, settings)?.read_at(None),
                    $(Self::$variant(settings) => {
                        let files = <$settings as crate::kind::DataSettings>::HAS_FILES;
                        let root = if files { required()? } else { std::path::Path::new("") };
                        crate::kind::DataKind::open(settings, root)
                    })*
                }
            }

            /// Opens the data set as `open` does and gives one split with the class names.
            ///
            /// # Errors
            ///
            /// Those of `open`, and [`DatasetError::NoSuchSplit`](crate::DatasetError::NoSuchSplit).
            pub fn open_split(
                &self,
                root: Option<&std::path::Path>,
                split: crate::SplitName,
            ) -> Result<(crate::Samples<$annotation>, vision_types::ClassNames), crate::DatasetError> {
                let splits = self.open(root)?;
                Ok((std::sync::Arc::clone(splits.get(split)?), splits.classes))
            }
        }
    };
}
pub(crate) use data_kinds;
