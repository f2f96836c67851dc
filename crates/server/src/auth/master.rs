//! The master key, and secrets sealed under it.

use std::path::Path;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use super::error::AuthError;
use super::files;
use super::text::{from_hexadecimal, hexadecimal, random};

/// The environment variable that stands for the file.
pub(super) const VARIABLE: &str = "PLIMSOLL_MASTER_KEY";

const FILE: &str = "master.key";

/// What all secrets are sealed under.
pub(super) struct MasterKey {
    key: LessSafeKey,
    /// Where it came from, for messages.
    pub origin: String,
}

impl MasterKey {
    /// The one of the environment, else that of the folder; none if there is neither.
    pub fn find(folder: &Path, variable: Option<&str>) -> Result<Option<Self>, AuthError> {
        if let Some(text) = variable {
            let bytes = from_hexadecimal(text.trim()).ok_or(AuthError::MasterVariable)?;
            return Ok(Some(Self::of(bytes, VARIABLE.to_owned())));
        }
        let path = folder.join(FILE);
        let Some(text) = files::read(&path)? else { return Ok(None) };
        let content = |reason: &str, remedy| AuthError::Content {
            path: path.clone(),
            reason: reason.to_owned(),
            remedy,
        };
        if files::is_open_to_others(&path)? {
            let reason = "others may read it";
            return Err(content(reason, "take that right from them: `chmod 600` and its path"));
        }
        let bytes = from_hexadecimal(text.trim()).ok_or_else(|| {
            content("it is not 64 hexadecimal digits", "put the file back as it was made")
        })?;
        Ok(Some(Self::of(bytes, path.display().to_string())))
    }

    /// Makes one in the folder. One writer at a time.
    pub fn make(folder: &Path) -> Result<Self, AuthError> {
        let path = folder.join(FILE);
        let bytes = random()?;
        files::create(&path, format!("{}\n", hexadecimal(&bytes)).as_bytes())?;
        Ok(Self::of(bytes, path.display().to_string()))
    }

    /// Where the file is or would be.
    pub fn path(folder: &Path) -> std::path::PathBuf {
        folder.join(FILE)
    }

    fn of(bytes: [u8; 32], origin: String) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, &bytes).expect("AES-256 takes 32 bytes");
        Self { key: LessSafeKey::new(key), origin }
    }

    /// Seals a secret: a random nonce, what is encrypted, and a tag over that and the context.
    ///
    /// Keys are made by hand, so random nonces of 96 bits do not meet.
    pub fn seal(&self, secret: &[u8], context: &str) -> Result<Vec<u8>, AuthError> {
        let nonce = random::<NONCE_LEN>()?;
        let mut inside = secret.to_vec();
        let (nonce_used, context) = (Nonce::assume_unique_for_key(nonce), Aad::from(context));
        self.key
            .seal_in_place_append_tag(nonce_used, context, &mut inside)
            .expect("a secret is far shorter than the cipher's limit");
        Ok([nonce.as_slice(), inside.as_slice()].concat())
    }

    /// The secret; none if it was sealed under another key or for another context, or changed.
    pub fn open(&self, sealed: &[u8], context: &str) -> Option<Vec<u8>> {
        let (nonce, inside) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut inside = inside.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let secret = self.key.open_in_place(nonce, Aad::from(context), &mut inside).ok()?;
        Some(secret.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_under_its_key_and_context_only() {
        let key = MasterKey::of([7; 32], String::new());
        let sealed = key.seal(b"secret", "context").unwrap();
        assert_eq!(key.open(&sealed, "context").unwrap(), b"secret");
        assert_eq!(key.open(&sealed, "another"), None);
        assert_eq!(MasterKey::of([8; 32], String::new()).open(&sealed, "context"), None);
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert_eq!(key.open(&changed, "context"), None, "byte {index}");
            assert_eq!(key.open(&sealed[..index], "context"), None, "{index} bytes");
        }
        assert_ne!(sealed, key.seal(b"secret", "context").unwrap());
    }

    #[test]
    fn a_master_key_is_made_once_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        assert!(MasterKey::find(folder.path(), None).unwrap().is_none());
        let made = MasterKey::make(folder.path()).unwrap();
        let sealed = made.seal(b"secret", "").unwrap();
        let found = MasterKey::find(folder.path(), None).unwrap().unwrap();
        assert_eq!(found.open(&sealed, "").unwrap(), b"secret");
        assert!(MasterKey::make(folder.path()).is_err());
        let other = MasterKey::find(folder.path(), Some(&"ab".repeat(32))).unwrap().unwrap();
        assert_eq!(other.open(&sealed, ""), None);
        for wrong in ["", "ab", &"zz".repeat(32)] {
            let error = MasterKey::find(folder.path(), Some(wrong)).err().unwrap();
            assert!(error.to_string().contains("64 hexadecimal digits"), "{error}");
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let path = MasterKey::path(folder.path());
            let mode = |mode| {
                std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            };
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            mode(0o644);
            let error = MasterKey::find(folder.path(), None).err().unwrap().to_string();
            assert!(error.contains("master.key") && error.contains("chmod 600"), "{error}");
            mode(0o600);
            std::fs::write(&path, "half").unwrap();
            assert!(MasterKey::find(folder.path(), None).is_err());
        }
    }
}
