//! The `tempo` method, intent `charge`: stablecoins on Tempo.
