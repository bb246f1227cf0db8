//! Attacks by documents and variables: small requests that cost the server much.
