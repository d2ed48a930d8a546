//! Where the tests keep their books: each of them is run with a file, and with a server.

#![allow(dead_code, reason = "each test program uses a part of it")]

use farthing_store::{Books, Location, Sharing, StoreError};

/// Books that nobody else has, gone with the test.
pub(crate) struct Place {
    address: String,
    location: Location,
    folder: Option<tempfile::TempDir>,
}

impl Place {
    /// In a file.
    pub(crate) fn file() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("books.db");
        Self { address: path.display().to_string(), location: Location::File(path), folder: Some(folder) }
    }

    /// On a server.
    pub(crate) fn server() -> Self {
        let address = farthing_testing_postgres::shared().address();
        Self { location: address.parse().unwrap(), address, folder: None }
    }

    /// The one engine or the other.
    pub(crate) fn new(on_server: bool) -> Self {
        if on_server { Self::server() } else { Self::file() }
    }

    pub(crate) fn location(&self) -> &Location {
        &self.location
    }

    /// The place in words, for another process.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn is_server(&self) -> bool {
        self.folder.is_none()
    }

    /// Statements of somebody who has the books in hand, without this program.
    pub(crate) fn tamper(&self, statements: &str) -> Result<String, String> {
        if let Some(file) = self.location.file() {
            let file = rusqlite::Connection::open(file).unwrap();
            return file.execute_batch(statements).map(|()| String::new()).map_err(|refused| refused.to_string());
        }
        let schema = self.address.split_once("?schema=").unwrap().1;
        let statements = format!("SET search_path TO {schema}; {statements}");
        farthing_testing_postgres::shared().run(&statements).map_err(|refused| refused.to_string())
    }

    /// Waits until a process that was killed is known to be dead: on a server the others see it after a while.
    pub(crate) async fn until_the_dead_are_seen(&self, books: &Books) {
        while self.is_server() && !books.has_left_behind() {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
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
