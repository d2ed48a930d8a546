//! A chain of one's own on this machine: started, funded, thrown away.
