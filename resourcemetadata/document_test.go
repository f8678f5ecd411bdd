package resourcemetadata_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/bearerkit/bearerkit/resourcemetadata"
)

const api = "https://api.test/v1"

// fields ignores the state of a Metadata that the methods return.
var fields = cmpopts.IgnoreUnexported(resourcemetadata.Metadata{})

func quirksOf(m *resourcemetadata.Metadata) string {
	var all []string
	for _, q := range m.Quirks() {
		all = append(all, string(q.Name)+" in "+q.Place)
	}
	return strings.Join(all, ", ")
}

// documents are texts that are accepted for the resource api.
var documents = []struct {
	name, text string
	want       resourcemetadata.Metadata // without Resource
	quirks     string
}{
	{name: "required members only", text: `{"resource":"https://api.test/v1"}`},
	{
		name: "Q1_every member",
		text: `{"resource":"https://api.test/v1","authorization_servers":["https://as.test","https://as.test/tenant/"],"jwks_uri":"https://api.test/keys",
			"scopes_supported":["read","urn:x:write"],"bearer_methods_supported":["header","body"],"resource_signing_alg_values_supported":["ES256"],
			"resource_name":"Orders","resource_documentation":"https://api.test/docs","resource_policy_uri":"http://api.test/policy",
			"resource_tos_uri":"https://api.test/tos","tls_client_certificate_bound_access_tokens":true,"authorization_details_types_supported":["pay"],
			"dpop_signing_alg_values_supported":["ES256"],"dpop_bound_access_tokens_required":true,"signed_metadata":"e30.e30.e30"}`,
		want: resourcemetadata.Metadata{
			AuthorizationServers: []string{"https://as.test", "https://as.test/tenant/"}, JWKSURI: "https://api.test/keys",
			ScopesSupported: []string{"read", "urn:x:write"}, BearerMethodsSupported: []string{"header", "body"},
			ResourceSigningAlgValuesSupported: []string{"ES256"}, ResourceName: "Orders", ResourceDocumentation: "https://api.test/docs",
			ResourcePolicyURI: "http://api.test/policy", ResourceTOSURI: "https://api.test/tos", TLSClientCertificateBoundAccessTokens: true,
			AuthorizationDetailsTypesSupported: []string{"pay"}, DPoPSigningAlgValuesSupported: []string{"ES256"},
			DPoPBoundAccessTokensRequired: true, SignedMetadata: "e30.e30.e30",
		},
	},
	{
		name: "unknown members are kept", text: `{"resource":"https://api.test/v1","resource_name#de":"Aufträge","x":{"y":[1,null]},"Resource_Name":"other"}`,
		want: resourcemetadata.Metadata{Extra: map[string]any{
			"resource_name#de": "Aufträge", "x": map[string]any{"y": []any{1.0, nil}}, "Resource_Name": "other",
		}},
	},
	{name: "an escaped name", text: `{"\u0072esource":"https:\/\/api.test\/v1"}`},
	{name: "no bearer methods", text: `{"resource":"https://api.test/v1","bearer_methods_supported":[]}`, want: resourcemetadata.Metadata{BearerMethodsSupported: []string{}}},
	{
		name: "Q3_empty members", text: `{"resource":"https://api.test/v1","scopes_supported":[],"resource_name":"","jwks_uri":""}`,
		quirks: "empty_member in metadata jwks_uri, empty_member in metadata resource_name, empty_member in metadata scopes_supported",
	},
	{
		name: "null", text: `{"resource":"https://api.test/v1","authorization_servers":null,"dpop_bound_access_tokens_required":null,"x":null}`,
		want: resourcemetadata.Metadata{Extra: map[string]any{"x": nil}}, quirks: "null_member in metadata authorization_servers, null_member in metadata dpop_bound_access_tokens_required",
	},
	{
		name: "wrong types", text: `{"resource":"https://api.test/v1","authorization_servers":"https://as.test","scopes_supported":["a",1],"jwks_uri":["https://api.test/keys"],
			"dpop_bound_access_tokens_required":"true","resource_name":{"en":"x"},"bearer_methods_supported":{}}`,
		quirks: "wrong_type in metadata authorization_servers, wrong_type in metadata bearer_methods_supported, wrong_type in metadata dpop_bound_access_tokens_required, " +
			"wrong_type in metadata jwks_uri, wrong_type in metadata resource_name, wrong_type in metadata scopes_supported",
	},
	{
		name: "authorization servers that cannot be used", text: `{"resource":"https://api.test/v1","authorization_servers":
			["https://as.test","http://as.test","http://localhost","https://as.test?a","https://as.test#a","https://u@as.test","as.test","",
			"https://127.0.0.1","file:///etc/passwd"]}`,
		want:   resourcemetadata.Metadata{AuthorizationServers: []string{"https://as.test", "https://127.0.0.1"}},
		quirks: "invalid_value in metadata authorization_servers",
	},
	{
		name: "scopes that are not valid", text: `{"resource":"https://api.test/v1","scopes_supported":["a","b c","d\"","é","","e\\","f\n","g"]}`,
		want: resourcemetadata.Metadata{ScopesSupported: []string{"a", "g"}}, quirks: "invalid_value in metadata scopes_supported",
	},
	{
		name: "pages that are not web pages", text: `{"resource":"https://api.test/v1","resource_documentation":"javascript:alert(1)","resource_policy_uri":"/policy","resource_tos_uri":"data:text/html,x"}`,
		quirks: "invalid_value in metadata resource_documentation, invalid_value in metadata resource_policy_uri, invalid_value in metadata resource_tos_uri",
	},
	{name: "a byte order mark", text: "\ufeff" + `{"resource":"https://api.test/v1"}`, quirks: "byte_order_mark in metadata document"},
	{name: "an unknown member twice", text: `{"resource":"https://api.test/v1","x":1,"x":2}`, quirks: "duplicate_member in metadata member"},
	{name: "an unknown member with a fault", text: `{"resource":"https://api.test/v1","x":{"a":1,"a":2},"y":"\ud800"}`, quirks: "duplicate_member in metadata member, invalid_value in metadata member"},
	{name: "a member with a fault", text: `{"resource":"https://api.test/v1","resource_name":"\ud800"}`, quirks: "invalid_value in metadata resource_name"},
}

func TestDocuments(t *testing.T) {
	t.Parallel()
	for _, tt := range documents {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m, err := new(resourcemetadata.Client).Parse(api, []byte(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			want := tt.want
			want.Resource = api
			if diff := cmp.Diff(&want, m, fields, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("metadata (-want +got):\n%s", diff)
			}
			if (want.BearerMethodsSupported == nil) != (m.BearerMethodsSupported == nil) {
				t.Errorf("bearer_methods_supported is %#v", m.BearerMethodsSupported)
			}
			if got := quirksOf(m); got != tt.quirks {
				t.Errorf("quirks %q, want %q", got, tt.quirks)
			}
			if m.SignedBy() != "" {
				t.Errorf("signed by %q", m.SignedBy())
			}
		})
	}
}

// Q1, Q4, Q7: these documents are rejected. `resource` must be equal, code point by code point.
var rejected = []struct{ name, text, want string }{
	{"no JSON", `resource=https://api.test/v1`, "not a valid JSON object"},
	{"empty", ``, "not a valid JSON object"},
	{"HTML", `<html>`, "not a valid JSON object"},
	{"array", `[{"resource":"https://api.test/v1"}]`, "not a valid JSON object"},
	{"trailing data", `{"resource":"https://api.test/v1"}{}`, "not a valid JSON object"},
	{"too deep", `{"resource":"https://api.test/v1","x":` + strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + `}`, "not a valid JSON object"},
	{"invalid UTF-8", "{\"resource\":\"https://api.test/v1\xff\"}", `member "resource"`},
	{"no resource", `{"authorization_servers":["https://as.test"]}`, `the document's resource is "", expected`},
	{"resource in another case", `{"Resource":"https://api.test/v1"}`, `the document's resource is "", expected`},
	{"null resource", `{"resource":null}`, `the document's resource is "", expected`},
	{"number", `{"resource":1}`, `member "resource" is a JSON number`},
	{"list of resources", `{"resource":["https://api.test/v1"]}`, `member "resource" is a JSON array`},
	{"Q4_another resource", `{"resource":"https://evil.test"}`, `the document's resource is "https://evil.test", expected "https://api.test/v1"`},
	{"Q4_a parent", `{"resource":"https://api.test"}`, `the document's resource is`},
	{"Q7_trailing slash", `{"resource":"https://api.test/v1/"}`, "trailing slash"},
	{"Q7_case", `{"resource":"https://API.test/v1"}`, "case"},
	{"Q7_default port", `{"resource":"https://api.test:443/v1"}`, "the document's resource is"},
	{"Q7_encoding", `{"resource":"https://api.test/%761"}`, "the document's resource is"},
	{"Q7_white space", `{"resource":" https://api.test/v1"}`, "white space"},
	{"Q7_scheme", `{"resource":"http://api.test/v1"}`, "scheme"},
	{"resource twice", `{"resource":"https://api.test/v1","resource":"https://api.test/v1"}`, "duplicate"},
	{"resource twice, in another case", `{"resource":"https://api.test/v1","RESOURCE":"https://evil.test"}`, "duplicate"},
	{"authorization_servers twice", `{"resource":"https://api.test/v1","authorization_servers":["https://as.test"],"authorization_servers":["https://evil.test"]}`, "duplicate"},
	{"jwks_uri twice", `{"resource":"https://api.test/v1","jwks_uri":"https://api.test/keys","jwks_uri":"https://evil.test"}`, "duplicate"},
	{"Q1_http jwks_uri", `{"resource":"https://api.test/v1","jwks_uri":"http://api.test/keys"}`, "jwks_uri"},
	{"Q1_loopback jwks_uri", `{"resource":"https://api.test/v1","jwks_uri":"http://localhost/keys"}`, "jwks_uri"},
	{"Q1_jwks_uri with a fragment", `{"resource":"https://api.test/v1","jwks_uri":"https://api.test/keys#a"}`, "jwks_uri"},
	{"Q1_relative jwks_uri", `{"resource":"https://api.test/v1","jwks_uri":"/keys"}`, "jwks_uri"},
	{"Q1_algorithm none", `{"resource":"https://api.test/v1","resource_signing_alg_values_supported":["ES256","none"]}`, `"none"`},
}

func TestQ1_Q4_Q7_RejectedDocuments(t *testing.T) {
	t.Parallel()
	for _, tt := range rejected {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m, err := new(resourcemetadata.Client).Parse(api, []byte(tt.text))
			if m != nil || err == nil || !strings.HasPrefix(err.Error(), "resourcemetadata: ") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, %v, want an error with %q", m, err, tt.want)
			}
			var mismatch *resourcemetadata.MismatchError
			if isMismatch := errors.As(err, &mismatch); isMismatch != strings.Contains(tt.want+fmt.Sprint(err), "the document's resource") {
				t.Errorf("MismatchError: %v: %v", isMismatch, err)
			}
		})
	}
}

// A loopback resource may have loopback http URLs. InsecureAllowHTTP allows http for all hosts.
func TestCaseQ8_HTTPInDocuments(t *testing.T) {
	t.Parallel()
	const text = `{"resource":"RESOURCE","jwks_uri":"http://HOST/keys","authorization_servers":["http://HOST:9000"]}`
	for _, tt := range []struct {
		resource, host string
		insecure, want bool
	}{
		{"http://localhost:8000/mcp", "localhost", false, true},
		{"http://127.0.0.1:8000/mcp", "[::1]", false, true},
		{"https://localhost:8443", "127.1.2.3", false, true},
		{"http://localhost:8000/mcp", "as.test", false, false},
		{"https://api.test", "localhost", false, false},
		{"https://localhost.api.test", "localhost", false, false},
		{"https://127.0.0.1.nip.test", "127.0.0.1", false, false},
		{"http://api.test", "localhost", true, true},
		{"http://api.test", "as.test", true, true},
		{"http://api.test", "as.test", false, false},
	} {
		c := resourcemetadata.Client{InsecureAllowHTTP: tt.insecure}
		m, err := c.Parse(tt.resource, []byte(strings.NewReplacer("RESOURCE", tt.resource, "HOST", tt.host).Replace(text)))
		if ok := err == nil && len(m.AuthorizationServers) == 1; ok != tt.want {
			t.Errorf("%+v: %v", tt, err)
		}
	}
}

// Validate checks metadata that was created by hand, and reports all faults.
func TestQ1_Validate(t *testing.T) {
	t.Parallel()
	c := new(resourcemetadata.Client)
	good := resourcemetadata.Metadata{
		Resource: api, AuthorizationServers: []string{"https://as.test"}, JWKSURI: "https://api.test/keys", ScopesSupported: []string{"a"},
		ResourceDocumentation: "https://api.test", Extra: map[string]any{"x": 1},
	}
	if err := c.Validate(api, &good); err != nil {
		t.Error(err)
	}
	for want, change := range map[string]func(*resourcemetadata.Metadata){
		"the document's resource":   func(m *resourcemetadata.Metadata) { m.Resource = "https://api.test/v1/" },
		"jwks_uri":                  func(m *resourcemetadata.Metadata) { m.JWKSURI = "http://api.test" },
		`contains "none"`:           func(m *resourcemetadata.Metadata) { m.ResourceSigningAlgValuesSupported = []string{"none"} },
		`received "as", expected`:   func(m *resourcemetadata.Metadata) { m.AuthorizationServers = []string{"as"} },
		`received "a b", expected`:  func(m *resourcemetadata.Metadata) { m.ScopesSupported = []string{"a b"} },
		"resource_policy_uri: rece": func(m *resourcemetadata.Metadata) { m.ResourcePolicyURI = "x" },
		`"jwks_uri" is in Extra`:    func(m *resourcemetadata.Metadata) { m.Extra = map[string]any{"jwks_uri": ""} },
	} {
		m := good
		change(&m)
		if err := c.Validate(api, &m); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v", want, err)
		}
	}
	several := resourcemetadata.Metadata{Resource: "x", ScopesSupported: []string{"", " "}, ResourceTOSURI: "x"}
	if err := c.Validate(api, &several); err == nil || strings.Count(err.Error(), "\n") != 3 {
		t.Errorf("four faults: %v", err)
	}
	for _, resource := range []string{"", "http://api.test", "https://api.test#", "https://u:p@api.test"} {
		m := resourcemetadata.Metadata{Resource: resource}
		if err := c.Validate(resource, &m); err == nil || strings.Contains(err.Error(), "u:p") {
			t.Errorf("%q: %v", resource, err)
		}
	}
}

// Q3: MarshalJSON writes the members in one order and omits empty ones. Parse reads the result as the same metadata.
func TestQ3_MarshalJSON(t *testing.T) {
	t.Parallel()
	for _, tt := range documents {
		m, err := new(resourcemetadata.Client).Parse(api, []byte(tt.text))
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		again, err := new(resourcemetadata.Client).Parse(api, text)
		if err != nil || len(again.Quirks()) > 0 {
			t.Errorf("%s: %s: %v, %v", tt.name, text, again.Quirks(), err)
			continue
		}
		want := *m
		if len(want.BearerMethodsSupported) == 0 {
			want.BearerMethodsSupported = nil
		}
		want.Extra = nil
		for name, value := range m.Extra {
			if value != nil {
				if want.Extra == nil {
					want.Extra = map[string]any{}
				}
				want.Extra[name] = value
			}
		}
		if diff := cmp.Diff(&want, again, fields); diff != "" {
			t.Errorf("%s: read again (-want +got):\n%s", tt.name, diff)
		}
	}
	m := resourcemetadata.Metadata{
		Resource: api, ScopesSupported: []string{}, BearerMethodsSupported: []string{},
		Extra: map[string]any{"z": 1, "a": true, "none": nil, "empty": "", "list": []int{}, "resource": "https://evil.test", "jwks_uri": "https://evil.test"},
	}
	text, err := json.Marshal(m)
	if want := `{"a":true,"resource":"https://api.test/v1","z":1}`; err != nil || string(text) != want {
		t.Errorf("%s, %v, want %s", text, err, want)
	}
	m.Extra["f"] = func() {}
	if text, err := json.Marshal(m); err == nil {
		t.Errorf("%s, want an error", text)
	}
}

// Parse never panics. It accepts no document of another resource, and it returns no invalid value.
func FuzzDocument(f *testing.F) {
	for _, tt := range documents {
		f.Add([]byte(tt.text))
	}
	for _, tt := range rejected {
		f.Add([]byte(tt.text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c := new(resourcemetadata.Client)
		m, err := c.Parse(api, text)
		if (m == nil) == (err == nil) {
			t.Fatalf("got %v, %v", m, err)
		}
		if err != nil {
			if len(err.Error()) > 1500 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
			return
		}
		if err := c.Validate(api, m); err != nil {
			t.Errorf("accepted, but not valid: %v", err)
		}
		var plain map[string]json.RawMessage
		if err := json.Unmarshal([]byte(strings.TrimPrefix(string(text), "\ufeff")), &plain); err != nil {
			t.Errorf("encoding/json rejects the document: %v", err)
		}
		var resource string
		if err := json.Unmarshal(plain["resource"], &resource); err != nil || resource != api {
			t.Errorf("encoding/json reads the resource %q, %v", resource, err)
		}
		again, err := json.Marshal(m)
		if err != nil {
			t.Fatalf("MarshalJSON: %v", err)
		}
		if m, err := c.Parse(api, again); err != nil || len(m.Quirks()) > 0 {
			t.Errorf("the JSON form %s is read with %v, %v", again, m, err)
		}
		for _, q := range m.Quirks() {
			if q.Name == "" || !strings.HasPrefix(q.Place, "metadata ") || len(q.Place) > 100 || q.RFC == "" {
				t.Errorf("quirk %+v", q)
			}
		}
	})
}
