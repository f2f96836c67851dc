//! Scenarios, risk arrays, methodologies, margin and its explanation
