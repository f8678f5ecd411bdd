package clientcert

import (
	"encoding/base64"
	"encoding/pem"
	"net/url"
	"strings"
)

// Encoding is the form in which a proxy sends a certificate.
type Encoding int

const (
	// RFC9440 is a byte sequence of a structured field: base64 of the DER encoding between two colons.
	RFC9440 Encoding = iota
	// URLPEM is PEM with URL encoding. "+" is a plus sign, whether it is encoded or not.
	URLPEM
	// Base64 is base64 of the DER encoding.
	Base64
	// XFCC is the element Cert of Envoy's X-Forwarded-Client-Cert, which is URLPEM between quotation marks.
	XFCC

	encodings // the number of encodings
)

// IsValid reports whether e is one of the constants.
func (e Encoding) IsValid() bool { return e >= 0 && e < encodings }

// decode returns the certificate in value. If value does not have the form of e exactly, decode returns a problem that
// continues the words "the header contains".
func (e Encoding) decode(value string) (der []byte, problem string) {
	switch e {
	case URLPEM:
		return decodeURLPEM(value)
	case Base64:
		return decodeBase64(value)
	case XFCC:
		return decodeXFCC(value)
	default:
		return decodeRFC9440(value)
	}
}

// decodeRFC9440 accepts one byte sequence without parameters (RFC 8941 section 3.3.5, RFC 9440 section 2.1). A list, a
// parameter or white space is never what a proxy writes. So it is rejected, although a general parser for structured fields
// would skip some of it.
func decodeRFC9440(value string) (der []byte, problem string) {
	const wanted = "another form than one byte sequence of RFC 9440, expected base64 between two colons"
	inner, opened := strings.CutPrefix(value, ":")
	inner, closed := strings.CutSuffix(inner, ":")
	if !opened || !closed {
		return nil, wanted
	}
	if inner == "" {
		return nil, "an empty byte sequence, so the client has no certificate"
	}
	if der, problem = decodeBase64(inner); problem != "" {
		return nil, wanted
	}
	return der, ""
}

// decodeBase64 accepts the alphabet of RFC 4648 section 4 with padding and without line ends.
func decodeBase64(value string) (der []byte, problem string) {
	der, err := base64.StdEncoding.Strict().DecodeString(value)
	if err != nil || strings.ContainsAny(value, "\r\n") { // which the decoder skips
		return nil, "another form than base64 with padding"
	}
	return der, ""
}

// decodeURLPEM accepts exactly one certificate. If a proxy sends a whole chain, the client may have chosen the others: it
// has the private key of one certificate only.
func decodeURLPEM(value string) (der []byte, problem string) {
	const begin = "-----BEGIN"
	text, err := url.PathUnescape(value) // which keeps "+", unlike QueryUnescape
	if err != nil || !strings.HasPrefix(text, begin+" CERTIFICATE-----") {
		return nil, "another form than a certificate in PEM with URL encoding"
	}
	if strings.Count(text, begin) > 1 {
		return nil, "several PEM blocks, expected one certificate without its chain"
	}
	block, rest := pem.Decode([]byte(text))
	if block == nil || len(block.Headers) != 0 || strings.Trim(string(rest), "\r\n") != "" {
		return nil, "another form than a certificate in PEM with URL encoding"
	}
	return block.Bytes, ""
}

// decodeXFCC finds Cert="…" in a single element of Envoy's header. Envoy writes By, Hash, Cert, Chain, Subject, URI and DNS
// in this order. The client chooses the text of the last three, so a second Cert, or a second element, could be its text.
// Therefore Cert may occur once, only By and Hash may precede it, and a comma outside of quotation marks is rejected.
//
// If Envoy appends its element to that of the client, which it does in the mode APPEND_FORWARD, Cert occurs twice or there
// is a comma.
func decodeXFCC(value string) (der []byte, problem string) {
	const wanted = "another form than one element of Envoy with one Cert, expected the mode SANITIZE_SET with cert: true"
	before, rest, found := strings.Cut(value, `Cert="`)
	if !found || !onlyByAndHash(before) || strings.Contains(strings.ToLower(rest), "cert=") {
		return nil, wanted
	}
	cert, after, closed := strings.Cut(rest, `"`)
	if !closed || !isRestOfElement(after) {
		return nil, wanted
	}
	return decodeURLPEM(cert)
}

// onlyByAndHash reports whether text is empty or consists of values of By and Hash, each with a semicolon after it.
func onlyByAndHash(text string) bool {
	for text != "" {
		value, rest, ended := strings.Cut(text, ";")
		name, value, _ := strings.Cut(value, "=")
		if !ended || name != "By" && name != "Hash" || strings.ContainsAny(value, `",\`) {
			return false
		}
		text = rest
	}
	return true
}

// isRestOfElement reports whether text is what may follow the value of Cert: nothing, or a semicolon and further values,
// without a comma outside of quotation marks and without an open quotation mark. In quotation marks, a backslash escapes
// the next character.
func isRestOfElement(text string) bool {
	if text != "" && text[0] != ';' {
		return false
	}
	quoted := false
	for i := 0; i < len(text); i++ {
		switch {
		case quoted && text[i] == '\\':
			i++
		case text[i] == '"':
			quoted = !quoted
		case text[i] == ',' && !quoted:
			return false
		}
	}
	return !quoted
}
