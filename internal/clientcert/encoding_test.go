package clientcert_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/internal/clientcert"
)

// TestM3_Encodings checks the accepted form of each encoding, and forms that are near to it.
func TestM3_Encodings(t *testing.T) {
	t.Parallel()
	client, other := load(t, "client"), load(t, "other")
	const form = "another form"
	tests := map[clientcert.Encoding]map[string]struct{ value, want string }{
		clientcert.RFC9440: {
			"accepted":            {client.rfc9440, ""},
			"without colons":      {client.base64, form},
			"without the first":   {client.base64 + ":", form},
			"without the last":    {":" + client.base64, form},
			"one colon":           {":", form},
			"empty":               {"::", "an empty byte sequence"},
			"a list":              {client.rfc9440 + ", " + client.rfc9440, form},
			"a list of two":       {other.rfc9440 + "," + client.rfc9440, form},
			"a trailing comma":    {client.rfc9440 + ",", form},
			"an inner list":       {"(" + client.rfc9440 + ")", form},
			"a parameter":         {client.rfc9440 + ";a", form},
			"a dictionary":        {"a=" + client.rfc9440, form},
			"leading space":       {" " + client.rfc9440, form},
			"trailing space":      {client.rfc9440 + " ", form},
			"trailing tab":        {client.rfc9440 + "\t", form},
			"space in the base64": {":" + client.base64[:8] + " " + client.base64[8:] + ":", form},
			"line end":            {":" + client.base64[:64] + "\n" + client.base64[64:] + ":", form},
			"CR LF":               {":" + client.base64 + "\r\n:", form},
			"three colons":        {":" + client.base64 + "::", form},
			"two sequences":       {client.rfc9440 + client.rfc9440, form},
			"without padding":     {":" + strings.TrimRight(client.base64, "=") + ":", form},
			"base64url":           {":" + base64.URLEncoding.EncodeToString([]byte(client.der)) + ":", form},
			"unused bits":         {":" + unusedBits(t, client.base64) + ":", form},
			"a string":            {`"` + client.base64 + `"`, form},
			"a quoted sequence":   {`":` + client.base64 + `:"`, form},
			"PEM":                 {":" + client.nginx + ":", form},
			"NUL":                 {client.rfc9440 + "\x00", form},
			"trailing data":       {":" + encode(client.der+"\x00") + ":", "not one X.509 certificate"},
			"two certificates":    {":" + encode(client.der+other.der) + ":", "not one X.509 certificate"},
			"cut":                 {":" + encode(client.der[:len(client.der)-1]) + ":", "not one X.509 certificate"},
			"leading data":        {":" + encode("\x00"+client.der) + ":", "not one X.509 certificate"},
			"no certificate":      {":" + encode("hello") + ":", "not one X.509 certificate"},
			"PEM in the base64":   {":" + encode(client.pem) + ":", "not one X.509 certificate"},
			"indefinite length":   {":" + encode("\x30\x80"+client.der[4:]+"\x00\x00") + ":", "not one X.509 certificate"},
			"the key only":        {":" + encode(string(client.parsed.RawSubjectPublicKeyInfo)) + ":", "not one X.509 certificate"},
			"an empty sequence":   {":" + encode("\x30\x00") + ":", "not one X.509 certificate"},
			"a private key":       {":" + encode("\x30\x0b\x02\x01\x00\x30\x00\x04\x04\x30\x02\x05\x00") + ":", "not one X.509 certificate"},
			"a number first":      {":" + encode("\x30\x09\x02\x01\x00\x30\x00\x03\x02\x00\x01") + ":", "not one X.509 certificate"},
			"a number second":     {":" + encode("\x30\x09\x30\x00\x02\x01\x00\x03\x02\x00\x01") + ":", "not one X.509 certificate"},
			"three sequences":     {":" + encode("\x30\x06\x30\x00\x30\x00\x30\x00") + ":", "not one X.509 certificate"},
			"a long length form":  {":" + encode("\x30\x82\x00\x08\x30\x00\x30\x00\x03\x02\x00\x01") + ":", "not one X.509 certificate"},
			"a thumbprint":        {":" + clientThumbprint + "=:", "not one X.509 certificate"},
			"the longest base64":  {":" + strings.Repeat("A", 32<<10-4) + ":", "not one X.509 certificate"},
		},
		clientcert.Base64: {
			"accepted":         {client.base64, ""},
			"with colons":      {client.rfc9440, form},
			"a list":           {client.base64 + "," + other.base64, form},
			"line ends":        {strings.TrimSpace(strings.NewReplacer("-----BEGIN CERTIFICATE-----\n", "", "\n-----END CERTIFICATE-----", "").Replace(client.pem)), form},
			"a space":          {client.base64[:64] + " " + client.base64[64:], form},
			"without padding":  {strings.TrimRight(client.base64, "="), form},
			"unused bits":      {unusedBits(t, client.base64), form},
			"two certificates": {encode(client.der + other.der), "not one X.509 certificate"},
			"trailing data":    {encode(client.der + "\n"), "not one X.509 certificate"},
			"a hyphen":         {"-", form},
		},
		clientcert.URLPEM: {
			"nginx":                      {client.nginx, ""},
			"load balancer":              {client.alb, ""},
			"lower-case escapes":         {strings.ReplaceAll(strings.ReplaceAll(client.nginx, "%0A", "%0a"), "%2F", "%2f"), ""},
			"CR LF":                      {strings.ReplaceAll(client.nginx, "%0A", "%0D%0A"), ""},
			"without the last line end":  {strings.TrimSuffix(client.nginx, "%0A"), ""},
			"not escaped":                {client.pem, ""}, // net/http passes no line end on
			"plus as a space":            {url.QueryEscape(client.pem), form},
			"spaces as line ends":        {strings.ReplaceAll(strings.TrimSpace(client.pem), "\n", " "), form},
			"the chain":                  {client.nginx + other.nginx, "several PEM blocks"},
			"the chain, the leaf last":   {other.nginx + client.nginx, "several PEM blocks"},
			"the chain, kept signs":      {client.alb + other.alb, "several PEM blocks"},
			"the same certificate twice": {client.nginx + client.nginx, "several PEM blocks"},
			"a list":                     {client.nginx + "," + other.nginx, "several PEM blocks"},
			"a broken block before it":   {"-----BEGIN%20CERTIFICATE-----%0A" + client.nginx, "several PEM blocks"},
			"text before it":             {"subject=CN%3Dclient%0A" + client.nginx, form},
			"a line end before it":       {"%0A" + client.nginx, form},
			"text after it":              {client.nginx + "text", form},
			"a space after it":           {client.nginx + "%20", form},
			"another type":               {strings.ReplaceAll(client.nginx, "CERTIFICATE", "TRUSTED%20CERTIFICATE"), form},
			"a private key":              {strings.ReplaceAll(client.nginx, "CERTIFICATE", "PRIVATE%20KEY"), form},
			"different ends":             {strings.Replace(client.nginx, "END%20CERTIFICATE", "END%20KEY", 1), form},
			"a header in the block":      {escape(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Headers: map[string]string{"a": "b"}, Bytes: []byte(client.der)}))), form},
			"an incomplete escape":       {client.nginx + "%0", form},
			"a wrong escape":             {client.nginx + "%zz", form},
			"escaped twice":              {url.PathEscape(client.nginx), form},
			"base64 of DER":              {client.base64, form},
			"RFC 9440":                   {client.rfc9440, form},
			"two certificates in one":    {escape(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte(client.der + other.der)}))), "not one X.509 certificate"},
			"no content":                 {escape("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"), "not one X.509 certificate"},
			"a hyphen":                   {"-", form},
			"nothing":                    {"(null)", form},
		},
	}
	for encoding, rows := range tests {
		for name, row := range rows {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				check(t, source(encoding), request(proxyAddr, row.value), row.want)
			})
		}
	}
}

// TestM3_XFCC checks Envoy's header. The client chooses the text of Subject, URI and DNS, and of the first elements if Envoy
// appends its own element.
func TestM3_XFCC(t *testing.T) {
	t.Parallel()
	client, other := load(t, "client"), load(t, "other")
	cert := func(c certificate) string { return `Cert="` + c.nginx + `"` }
	const form = "one element of Envoy"
	tests := map[string]struct{ value, want string }{
		"only Cert":                          {cert(client), ""},
		"By and Hash":                        {"By=spiffe://a/b;Hash=00ff;" + cert(client), ""},
		"several By":                         {"By=spiffe://a;By=spiffe://b;Hash=00ff;" + cert(client), ""},
		"everything":                         {"By=;Hash=00;" + cert(client) + `;Subject="CN=a,O=\"b\"";URI=;DNS=a.test;DNS=b.test`, ""},
		"a comma in the subject":             {cert(client) + `;Subject="O=a,CN=b"`, ""},
		"an escaped quotation mark":          {cert(client) + `;Subject="O=\",CN=b"`, ""},
		"an escaped backslash":               {cert(client) + `;Subject="O=\\"`, ""},
		"a Chain":                            {cert(client) + `;Chain="` + client.nginx + other.nginx + `"`, ""},
		"no Cert":                            {`Hash=00;Subject="CN=a"`, form},
		"only a Chain":                       {`Chain="` + client.nginx + `"`, form},
		"Cert without quotation marks":       {"Cert=" + client.nginx, form},
		"an open quotation mark":             {`Cert="` + client.nginx, form},
		"lower case":                         {"cert" + strings.TrimPrefix(cert(client), "Cert"), form},
		"text after Cert":                    {cert(client) + "x", form},
		"a comma after Cert":                 {cert(client) + ",", form},
		"two elements":                       {cert(other) + "," + cert(client), form},
		"an element without Cert before it":  {"Hash=00," + cert(client), form},
		"an element without Cert after it":   {cert(client) + ";Hash=00,Hash=00", form},
		"two Certs":                          {cert(client) + ";" + cert(other), form},
		"the same Cert twice":                {cert(client) + ";" + cert(client), form},
		"a second Cert in a URI":             {cert(client) + ";URI=x;" + cert(other), form},
		"a second Cert in a subject":         {cert(client) + `;Subject="x\";` + `Cert=\"y"`, form},
		"a second Cert in other case":        {cert(client) + `;URI=x;CERT="y"`, form},
		"a Subject before it":                {`Subject="x";` + cert(client), form},
		"a URI before it":                    {"URI=x;" + cert(client), form},
		"a By that is quoted":                {`By="x";` + cert(client), form},
		"an appended element after a quote":  {cert(other) + `;Subject="` + `,By=x;Hash=00;` + cert(client), form},
		"the same, with the end of a quote":  {cert(other) + `;Subject="` + `,By=x;Hash=00;` + cert(client) + `;Subject="CN=a"`, form},
		"the word Cert in By":                {`By=Cert=;Hash=00;` + cert(client), ""},
		"a quotation mark that stays open":   {cert(client) + `;Subject="x`, form},
		"a backslash at the end":             {cert(client) + `;Subject="x\`, form},
		"a semicolon without a value":        {";" + cert(client), form},
		"space before the element":           {" " + cert(client), form},
		"space after the element":            {cert(client) + " ", form},
		"empty Cert":                         {`Hash=00;Cert=""`, "another form"},
		"two certificates in Cert":           {`Cert="` + client.nginx + other.nginx + `"`, "several PEM blocks"},
		"base64 in Cert":                     {`Cert="` + client.base64 + `"`, "another form"},
		"only the URL-encoded PEM":           {client.nginx, form},
		"a name that ends with Cert":         {`XCert="` + client.nginx + `"`, form},
		"a name that ends with Cert in Hash": {`Hash=00;XCert="` + client.nginx + `"`, form},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, source(clientcert.XFCC), request(proxyAddr, test.value), test.want)
		})
	}
}

func encode(der string) string { return base64.StdEncoding.EncodeToString([]byte(der)) }

func escape(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }

// unusedBits returns another base64 text of the same bytes: the last character before the padding has other unused bits.
func unusedBits(t *testing.T, text string) string {
	t.Helper()
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	last := strings.Index(text, "=") - 1
	if last < 0 {
		t.Fatal("the base64 text has no padding")
	}
	changed := text[:last] + string(alphabet[strings.IndexByte(alphabet, text[last])+1]) + text[last+1:]
	if a, err := base64.StdEncoding.DecodeString(changed); err != nil || encode(string(a)) != text {
		t.Fatal("the texts are not equivalent")
	}
	return changed
}

func decode(t *testing.T, text string) []byte {
	t.Helper()
	der, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// TestM1_CertificatesThatGoCannotParse sends certificates that OpenSSL has made, and that nginx and other proxies accept. The
// thumbprint decides, so they are accepted in every encoding.
func TestM1_CertificatesThatGoCannotParse(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"brainpool", "negativeserial", "malformedname"} {
		text, err := os.ReadFile("testdata/" + name + ".pem")
		if err != nil {
			t.Fatal(err)
		}
		block, _ := pem.Decode(text)
		if _, err := x509.ParseCertificate(block.Bytes); err == nil {
			t.Errorf("%s: Go can parse it, so it tests nothing", name)
		}
		escaped := url.PathEscape(string(text))
		for encoding, value := range map[clientcert.Encoding]string{
			clientcert.RFC9440: ":" + encode(string(block.Bytes)) + ":", clientcert.Base64: encode(string(block.Bytes)),
			clientcert.URLPEM: escaped, clientcert.XFCC: `Cert="` + escaped + `"`,
		} {
			got, problem := source(encoding).Thumbprint(request(proxyAddr, value))
			if got != thumbprintOf(block.Bytes) || problem != "" {
				t.Errorf("%s, encoding %d: thumbprint %q, problem %q", name, encoding, got, problem)
			}
		}
	}
}
