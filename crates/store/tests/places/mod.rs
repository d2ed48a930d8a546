//! Where the tests keep their books: each of them is run with a file, and with a server.

#![allow(dead_code, reason = "each test program uses a part of it")]

use farthing_store::{Books, Location, Sharing, StoreError};

/// Books that nobody else has, gone with the test.
pub(crate) struct Place {
    location: Location,
    folder: Option<tempfile::TempDir>,
}

impl Place {
    /// In a file.
    pub(crate) fn file() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { location: Location::File(folder.path().join("books.db")), folder: Some(folder) }
    }

    /// On a server.
    pub(crate) fn server() -> Self {
        Self { location: farthing_testing_postgres::shared().address().parse().unwrap(), folder: None }
    }

    /// The one engine or the other.
    pub(crate) fn new(on_server: bool) -> Self {
        if on_server { Self::server() } else { Self::file() }
    }

    pub(crate) fn location(&self) -> &Location {
        &self.location
    }

    /// The books, opened once more.
    pub(crate) fn open(&self, sharing: Sharing) -> Books {
        self.try_open(sharing).unwrap()
    }

    pub(crate) fn try_open(&self, sharing: Sharing) -> Result<Books, StoreError> {
        Books::open(&self.location, sharing)
    }
}

/// Makes two tests of each function, one for each engine.
#[allow(unused_macros, reason = "each test program uses a part of it")]
macro_rules! on_both_engines {
    ($($test:ident),+ $(,)?) => {
        $(mod $test {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn in_a_file() {
                super::$test(crate::places::Place::file()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_a_server() {
                super::$test(crate::places::Place::server()).await;
            }
        })+
    };
}
#[allow(unused_imports, reason = "the same")]
pub(crate) use on_both_engines;
