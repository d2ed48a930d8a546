use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use alloy_primitives::{Address, B256, Bytes};
use futures_util::future::join_all;
use reqwest::Client;
use serde_json::Value;

use super::answers::{self, FoundLog, Unreadable};
use super::node::Node;
use super::questions::{At, LogFilter, Question, SimulatedRequest};
use super::together::Together;
use super::{Block, Receipt, RefusedBy, RpcError, SimulatedCall};

/// The nodes of one chain. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Endpoints(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    client: Client,
    nodes: Vec<Node>,
    /// How many nodes must say the same before it is believed.
    quorum: usize,
    deadline: Duration,
    /// How long a node may hold a transaction until it is included.
    inclusion: Duration,
    /// The node that answered last.
    preferred: AtomicUsize,
    together: Together,
}

/// Why there are no endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointsError {
    /// No node.
    #[error("rpc names no node; write a URL such as https://rpc.tempo.xyz, or a list of them")]
    Empty,
    /// Not a URL. The text is not repeated, since it may hold a key.
    #[error("rpc holds something that is not an http or https URL")]
    NotAUrl,
    /// More nodes must agree than there are.
    #[error("quorum is {quorum} and rpc names {nodes} nodes; name more, or lower it")]
    Quorum {
        /// What was asked.
        quorum: usize,
        /// What there is.
        nodes: usize,
    },
}

impl Endpoints {
    /// The nodes at these URLs, asked through one HTTP client. `quorum` of them must agree on what
    /// decides over money; `deadline` is for one request.
    pub fn new(client: Client, urls: &[String], quorum: usize, deadline: Duration) -> Result<Self, EndpointsError> {
        let nodes = urls.iter().map(|url| Node::new(url)).collect::<Result<Vec<_>, _>>()?;
        if nodes.is_empty() {
            return Err(EndpointsError::Empty);
        }
        if quorum == 0 || quorum > nodes.len() {
            return Err(EndpointsError::Quorum { quorum, nodes: nodes.len() });
        }
        let inclusion = deadline * 3;
        let (preferred, together) = (AtomicUsize::new(0), Together::default());
        Ok(Self(Arc::new(Shared { client, nodes, quorum, deadline, inclusion, preferred, together })))
    }

    /// Host and port of the first node, for messages.
    pub fn name(&self) -> &str {
        self.0.nodes.first().map_or("", Node::name)
    }

    /// How many nodes must agree on what decides over money.
    pub fn quorum(&self) -> usize {
        self.0.quorum
    }

    /// Asks several questions in one round trip, going on to the next node when one does not
    /// answer. What one node refuses is refused.
    pub(crate) async fn ask(&self, questions: &[Question]) -> Vec<Result<Value, RpcError>> {
        let mut last = Vec::new();
        for index in self.order() {
            let Some(node) = self.0.nodes.get(index) else { continue };
            last = node.ask(&self.0.client, questions, self.0.deadline).await;
            if last.iter().any(|answer| !answer.as_ref().is_err_and(RpcError::is_transport)) {
                self.0.preferred.store(index, Ordering::Relaxed);
                return last;
            }
        }
        last
    }

    /// Asks several questions in a round trip that is shared with whoever else asks just now.
    pub(crate) async fn ask_together(&self, questions: Vec<Question>) -> Vec<Result<Value, RpcError>> {
        let count = questions.len();
        let (answered, is_needed) = self.0.together.wait(questions);
        if is_needed {
            // A task of its own: whoever shares the round trip must not depend on one who may leave.
            tokio::spawn(self.clone().ask_in_groups());
        }
        answered.await.unwrap_or_else(|_| vec![Err(self.silence()); count])
    }

    async fn ask_in_groups(self) {
        // Those who come at the same time come along.
        tokio::task::yield_now().await;
        while let Some(group) = self.0.together.next() {
            let answers = self.ask(&group.questions).await;
            group.hand_out(&answers, &self.silence());
        }
    }

    /// Asks something that decides over money: enough nodes must give the same answer. `read` makes
    /// answers comparable.
    pub(crate) async fn decide<T: PartialEq>(
        &self,
        question: &Question,
        read: impl Fn(&Value) -> Result<T, Unreadable>,
    ) -> Result<T, RpcError> {
        let read = |answer: Result<Value, RpcError>| answer.and_then(|value| self.readable(read(&value)));
        if self.0.quorum == 1 {
            return read(self.one(question.clone()).await);
        }
        let asked =
            self.0.nodes.iter().map(|node| node.ask(&self.0.client, std::slice::from_ref(question), self.0.deadline));
        let mut votes: Vec<(T, usize)> = Vec::new();
        let mut error = None;
        for answer in join_all(asked).await.into_iter().flatten() {
            match read(answer) {
                Ok(answer) => match votes.iter_mut().find(|(vote, _)| *vote == answer) {
                    Some((_, votes)) => *votes += 1,
                    None => votes.push((answer, 1)),
                },
                Err(said) => error = Some(said),
            }
        }
        let (asked, needed) = (self.0.nodes.len(), self.0.quorum);
        match (votes.into_iter().max_by_key(|(_, votes)| *votes), error) {
            (Some((answer, votes)), _) if votes >= needed => Ok(answer),
            (None, Some(error)) => Err(error),
            (best, _) => Err(RpcError::Disagreement { asked, agreed: best.map_or(0, |(_, votes)| votes), needed }),
        }
    }

    /// The chain that the nodes are on. Every node is asked, so that one on another chain is found.
    pub async fn chain_ids(&self) -> Vec<Result<u64, RpcError>> {
        let question = [Question::chain_id()];
        let asked = self.0.nodes.iter().map(|node| node.ask(&self.0.client, &question, self.0.deadline));
        let answers = join_all(asked).await.into_iter().flatten();
        answers.map(|answer| answer.and_then(|id| self.readable(answers::number(&id, "eth_chainId")))).collect()
    }

    /// The number of the newest block that enough nodes have.
    pub async fn head(&self) -> Result<u64, RpcError> {
        let question = [Question::block(At::Latest)];
        if self.0.quorum == 1 {
            let [question] = question;
            let head = self.one(question).await?;
            return Ok(self.readable(answers::block(&head))?.map_or(0, |head| head.number));
        }
        let asked = self.0.nodes.iter().map(|node| node.ask(&self.0.client, &question, self.0.deadline));
        let answers = join_all(asked).await.into_iter().flatten();
        let mut heads: Vec<u64> = answers.filter_map(|head| Some(answers::block(&head.ok()?).ok()??.number)).collect();
        heads.sort_unstable_by(|one, other| other.cmp(one));
        let (asked, agreed, needed) = (self.0.nodes.len(), heads.len(), self.0.quorum);
        heads.get(needed - 1).copied().ok_or(RpcError::Disagreement { asked, agreed, needed })
    }

    /// A block's header, as enough nodes say. Of the newest block they rarely say the same.
    pub async fn block(&self, at: At) -> Result<Option<Block>, RpcError> {
        self.decide(&Question::block(at), answers::block).await
    }

    /// What a transaction did, as enough nodes say, or nothing while it is not included.
    pub async fn receipt(&self, hash: B256) -> Result<Option<Receipt>, RpcError> {
        let read =
            |value: &Value| answers::receipt(value).map(|receipt| receipt.map(|receipt| self.comparable(receipt)));
        self.decide(&Question::receipt(hash), read).await
    }

    /// Nodes differ in what they say beyond the standard; that is no disagreement.
    fn comparable(&self, receipt: Receipt) -> Receipt {
        if self.0.quorum == 1 { receipt } else { Receipt { timestamp: None, fee_payer: None, ..receipt } }
    }

    /// The receipts of several transactions in one round trip, without asking for agreement.
    pub async fn receipts(&self, hashes: &[B256]) -> Result<Vec<Option<Receipt>>, RpcError> {
        let questions: Vec<_> = hashes.iter().map(|hash| Question::receipt(*hash)).collect();
        if questions.is_empty() {
            return Ok(Vec::new());
        }
        let answers = self.ask(&questions).await.into_iter();
        answers.map(|answer| answer.and_then(|value| self.readable(answers::receipt(&value)))).collect()
    }

    /// Whether a node knows a transaction, included or waiting.
    pub async fn knows(&self, hash: B256) -> Result<bool, RpcError> {
        Ok(!self.one(Question::transaction(hash)).await?.is_null())
    }

    /// What a transaction said to the account that it called; nothing where no node knows it.
    pub(crate) async fn input(&self, hash: B256) -> Result<Bytes, RpcError> {
        let transaction = self.one(Question::transaction(hash)).await?;
        let input = transaction.get("input").filter(|input| !input.is_null());
        input.map_or(Ok(Bytes::new()), |input| self.readable(answers::bytes(input, "eth_getTransactionByHash")))
    }

    /// How many transactions of an account are included, as enough nodes say.
    pub async fn transaction_count(&self, account: Address, at: At) -> Result<u64, RpcError> {
        let read = |value: &Value| answers::number(value, "eth_getTransactionCount");
        self.decide(&Question::transaction_count(account, at), read).await
    }

    /// What a call returns, as enough nodes say.
    pub async fn call(&self, to: Address, data: &Bytes, gas: u64, at: At) -> Result<Bytes, RpcError> {
        let read = |value: &Value| answers::bytes(value, "eth_call");
        self.decide(&Question::call(None, to, data, gas, at), read).await
    }

    /// What calls would do, each seeing what the earlier ones did.
    pub async fn simulate(&self, calls: &[SimulatedRequest]) -> Result<Vec<SimulatedCall>, RpcError> {
        let value = self.one(Question::simulate(calls)).await?;
        self.readable(answers::simulated(&value))
    }

    /// Where logs are.
    pub(crate) async fn logs(&self, filter: &LogFilter) -> Result<Vec<FoundLog>, RpcError> {
        let value = self.one(Question::logs(filter)).await?;
        self.readable(answers::logs(&value))
    }

    /// Hands a transaction over and waits for its receipt where the node can wait. The receipt that
    /// comes back is one node's word. Only a request that never left is tried at the next node.
    pub async fn send(&self, raw: &Bytes) -> Result<Option<Receipt>, RpcError> {
        self.hand_over(raw, true).await
    }

    /// Hands a transaction over without waiting.
    pub async fn post(&self, raw: &Bytes) -> Result<(), RpcError> {
        self.hand_over(raw, false).await.map(drop)
    }

    /// Tries one node after the other until one may have the transaction.
    async fn hand_over(&self, raw: &Bytes, wait: bool) -> Result<Option<Receipt>, RpcError> {
        let mut last = None;
        for index in self.order() {
            let Some(node) = self.0.nodes.get(index) else { continue };
            match self.hand_to(node, raw, wait && node.can_wait()).await {
                Err(error @ RpcError::NotSent { .. }) => last = Some(error),
                answer => return answer,
            }
        }
        Err(last.unwrap_or_else(|| self.silence()))
    }

    async fn hand_to(&self, node: &Node, raw: &Bytes, wait: bool) -> Result<Option<Receipt>, RpcError> {
        if wait {
            match self.ask_node(node, Question::send_and_wait(raw), self.0.inclusion).await {
                Err(RpcError::Refused { by: RefusedBy::NoSuchMethod, .. }) => node.note_that_it_cannot_wait(),
                answer => return answer.map(|receipt| answers::receipt(&receipt).ok().flatten()),
            }
        }
        self.ask_node(node, Question::send(raw), self.0.deadline).await.map(|_| None)
    }

    async fn ask_node(&self, node: &Node, question: Question, deadline: Duration) -> Result<Value, RpcError> {
        let answer = node.ask(&self.0.client, &[question], deadline).await.pop();
        answer.unwrap_or_else(|| Err(self.silence()))
    }

    async fn one(&self, question: Question) -> Result<Value, RpcError> {
        self.ask(&[question]).await.pop().unwrap_or_else(|| Err(self.silence()))
    }

    /// Makes an unreadable answer an answer that did not come.
    pub(crate) fn readable<T>(&self, read: Result<T, Unreadable>) -> Result<T, RpcError> {
        read.map_err(|unreadable| RpcError::NoAnswer { node: self.name().to_owned(), why: unreadable.to_string() })
    }

    fn silence(&self) -> RpcError {
        RpcError::NoAnswer { node: self.name().to_owned(), why: "no answer".to_owned() }
    }

    /// The nodes, the one that answered last first.
    fn order(&self) -> impl Iterator<Item = usize> + use<> {
        let (count, first) = (self.0.nodes.len(), self.0.preferred.load(Ordering::Relaxed));
        (0..count).map(move |step| (first + step) % count)
    }
}
