//! A certificate that signs itself, made by hand.

use std::path::Path;

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};

use super::venue::base64;

/// A certificate for `localhost` and 127.0.0.1, with its key.
pub struct Certificate {
    /// The certificate in DER.
    pub der: Vec<u8>,
    key: Vec<u8>,
}

const WITH_SHA_256: &[u8] = &[42, 134, 72, 206, 61, 4, 3, 2];
const EC_PUBLIC_KEY: &[u8] = &[42, 134, 72, 206, 61, 2, 1];
const P256: &[u8] = &[42, 134, 72, 206, 61, 3, 1, 7];
const COMMON_NAME: &[u8] = &[85, 4, 3];
const ALTERNATIVE_NAME: &[u8] = &[85, 29, 17];

impl Certificate {
    /// A new one.
    pub fn new() -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let key = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, key.as_ref(), &random).expect("a key");
        let signed_with = sequence(&[identifier(WITH_SHA_256)]);
        let name = sequence(&[identifier(COMMON_NAME), tagged(12, b"localhost")]);
        let name = sequence(&[tagged(49, &name)]);
        let life = sequence(&[tagged(23, b"200101000000Z"), tagged(23, b"491231235959Z")]);
        let public = [&[0], pair.public_key().as_ref()].concat();
        let kind = sequence(&[identifier(EC_PUBLIC_KEY), identifier(P256)]);
        let names = sequence(&[tagged(130, b"localhost"), tagged(135, &[127, 0, 0, 1])]);
        let names = sequence(&[identifier(ALTERNATIVE_NAME), tagged(4, &names)]);
        let body = sequence(&[
            tagged(160, &tagged(2, &[2])),
            tagged(2, &[1]),
            signed_with.clone(),
            name.clone(),
            life,
            name,
            sequence(&[kind, tagged(3, &public)]),
            tagged(163, &sequence(&[names])),
        ]);
        let signature = pair.sign(&random, &body).expect("a signature");
        let signature = tagged(3, &[&[0], signature.as_ref()].concat());
        let der = sequence(&[body, signed_with, signature]);
        Self { der, key: key.as_ref().to_vec() }
    }

    /// The certificate as text.
    pub fn chain(&self) -> String {
        pem("CERTIFICATE", &self.der)
    }

    /// The key as text.
    pub fn key(&self) -> String {
        pem("PRIVATE KEY", &self.key)
    }

    /// Writes both to files; gives where.
    pub fn write(&self, folder: &Path) -> (std::path::PathBuf, std::path::PathBuf) {
        let (chain, key) = (folder.join("chain.pem"), folder.join("key.pem"));
        std::fs::write(&chain, self.chain()).expect("a file");
        std::fs::write(&key, self.key()).expect("a file");
        (chain, key)
    }
}

fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    match content.len() {
        short @ 0..128 => bytes.push(short as u8),
        more @ 128..256 => bytes.extend([129, more as u8]),
        long => {
            bytes.push(130);
            bytes.extend_from_slice(&(long as u16).to_be_bytes());
        }
    }
    bytes.extend_from_slice(content);
    bytes
}

fn identifier(content: &[u8]) -> Vec<u8> {
    tagged(6, content)
}

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tagged(48, &parts.concat())
}

fn pem(what: &str, der: &[u8]) -> String {
    let text = base64(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| str::from_utf8(line).expect("ASCII")).collect();
    format!("-----BEGIN {what}-----\n{}\n-----END {what}-----\n", lines.join("\n"))
}
