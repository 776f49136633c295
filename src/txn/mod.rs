//! Transactions over any store.
