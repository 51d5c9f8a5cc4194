//! What receives spans, as a company's collector does.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status};

use crate::certificates::Certificates;

/// Longest wait for something that would never come if it did not come soon.
const PATIENCE: Duration = Duration::from_secs(60);

/// A receiver on a port of its own; it ends with the runtime of the test.
pub(crate) struct Receiver {
    pub(crate) url: String,
    received: watch::Receiver<Vec<ExportTraceServiceRequest>>,
}

struct Keeping {
    received: watch::Sender<Vec<ExportTraceServiceRequest>>,
    /// What a request has to say in [`KEY`]; without one, nothing.
    key: Option<&'static str>,
}

/// Where those who are paid for receiving spans look for the one who pays.
pub(crate) const KEY: &str = "api-key";

#[tonic::async_trait]
impl TraceService for Keeping {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let found = request.metadata().get(KEY).and_then(|key| key.to_str().ok());
        if self.key.is_some_and(|key| found != Some(key)) {
            return Err(Status::unauthenticated("who are you?"));
        }
        self.received.send_modify(|received| received.push(request.into_inner()));
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        Receiver::start_on(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub(crate) fn start_on(listener: TcpListener) -> Self {
        Receiver::serve(listener, "http", Server::builder(), None)
    }

    /// One that is spoken to by TLS, and by nobody without the key.
    pub(crate) async fn start_secured(certificates: &Certificates, key: &'static str) -> Self {
        let (certificate, private_key) = &certificates.server_files;
        let [certificate, private_key] = [certificate, private_key].map(|file| std::fs::read(file).unwrap());
        let tls = ServerTlsConfig::new().identity(Identity::from_pem(certificate, private_key));
        let server = Server::builder().tls_config(tls).unwrap();
        Receiver::serve(TcpListener::bind("127.0.0.1:0").await.unwrap(), "https", server, Some(key))
    }

    fn serve(listener: TcpListener, scheme: &str, mut server: Server, key: Option<&'static str>) -> Self {
        let address: SocketAddr = listener.local_addr().unwrap();
        let (sender, received) = watch::channel(Vec::new());
        let server = server.add_service(TraceServiceServer::new(Keeping { received: sender, key }));
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        Receiver { url: format!("{scheme}://{address}"), received }
    }

    /// All that has come, byte by byte.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.received.borrow().iter().flat_map(|request| request.encode_to_vec()).collect()
    }

    /// What is said of the program that sends.
    pub(crate) fn resource(&self) -> BTreeMap<String, String> {
        let received = self.received.borrow();
        let resource = received[0].resource_spans[0].resource.as_ref().unwrap();
        read(&resource.attributes)
    }

    /// The spans that have come.
    pub(crate) fn spans(&self) -> Vec<Span> {
        let received = self.received.borrow();
        let resources = received.iter().flat_map(|request| &request.resource_spans);
        resources.flat_map(|resource| &resource.scope_spans).flat_map(|scope| &scope.spans).cloned().collect()
    }

    /// Waits for the first span that is so.
    pub(crate) async fn until(&self, is_so: impl Fn(&Span) -> bool) -> Span {
        let mut received = self.received.clone();
        let come = async {
            loop {
                received.borrow_and_update();
                if let Some(span) = self.spans().into_iter().find(&is_so) {
                    return span;
                }
                received.changed().await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, come).await.expect("no such span comes")
    }
}

/// Attributes as text.
pub(crate) fn read(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |attribute: &KeyValue| match attribute.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        other => panic!("{}: {other:?}", attribute.key),
    };
    attributes.iter().map(|attribute| (attribute.key.clone(), text(attribute))).collect()
}
