//! Deterministic elementary functions, SIMD dispatch, exact sums, tail selection
