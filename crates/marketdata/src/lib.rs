//! Readers of market, portfolio and history files, and the built-in sample
