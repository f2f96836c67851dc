use risk::waterfall::WaterfallError;

/// Why an event could not be told again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeleveragingError {
    /// A column is missing.
    #[error("the file has no column `{0}`: give it as it was published")]
    Column(&'static str),
    /// A field is not what its column needs.
    #[error("line {line}, `{column}`: `{text}` is not {wanted}; give the file as it was published")]
    Field {
        /// From 1 on.
        line: usize,
        /// The column's name.
        column: &'static str,
        /// What stands there.
        text: String,
        /// What should.
        wanted: &'static str,
    },
    /// The arithmetic refuses a figure.
    #[error("wave {wave}, {coin}: {source}")]
    Figure {
        /// The wave's number.
        wave: u32,
        /// The coin's name.
        coin: String,
        /// Why.
        source: WaterfallError,
    },
}
