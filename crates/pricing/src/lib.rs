//! Black-76, Greeks, implied volatility, volatility surfaces
