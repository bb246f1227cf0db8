//! Attacks on what is kept or shown on the server's own machine: files, the inbox, stored texts.
