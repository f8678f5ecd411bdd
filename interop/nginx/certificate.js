// Writes the client certificate as a byte sequence (RFC 9440). An empty value removes the header.
function rfc9440(r) {
  const pem = r.variables.ssl_client_raw_cert;
  return pem ? ':' + pem.replace(/-----(BEGIN|END) CERTIFICATE-----|\s/g, '') + ':' : '';
}

export default { rfc9440 };
