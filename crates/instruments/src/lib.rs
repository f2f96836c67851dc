//! What is traded: units, assets, contract terms, payoffs, exact profit and loss
