package oidcdiscovery_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/bearerkit/bearerkit/oidcdiscovery"
	"github.com/bearerkit/bearerkit/quirk"
)

// crossauthFields are the members of crossauth's OpenIdConfiguration.
var crossauthFields = strings.Fields(`
	issuer authorization_endpoint token_endpoint jwks_uri
	response_types_supported response_modes_supported grant_types_supported subject_types_supported
	id_token_signing_alg_values_supported claim_types_supported
	claims_parameter_supported request_parameter_supported request_uri_parameter_supported require_request_uri_registration
	userinfo_endpoint registration_endpoint check_session_iframe end_session_endpoint
	service_documentation op_policy_uri op_tos_uri
	scopes_supported acr_values_supported claims_supported claims_locales_supported ui_locales_supported display_values_supported
	id_token_encryption_alg_values_supported id_token_encryption_enc_values_supported
	userinfo_signing_alg_values_supported userinfo_encryption_alg_values_supported userinfo_encryption_enc_values_supported
	request_object_signing_alg_values_supported request_object_encryption_alg_values_supported
	request_object_encryption_enc_values_supported
	token_endpoint_auth_methods_supported token_endpoint_auth_signing_alg_values_supported`)

// extensionFields are the members that RFC 8414 and the extensions add.
var extensionFields = strings.Fields(`
	revocation_endpoint revocation_endpoint_auth_methods_supported revocation_endpoint_auth_signing_alg_values_supported
	introspection_endpoint introspection_endpoint_auth_methods_supported
	introspection_endpoint_auth_signing_alg_values_supported code_challenge_methods_supported signed_metadata
	device_authorization_endpoint pushed_authorization_request_endpoint require_pushed_authorization_requests
	require_signed_request_object authorization_response_iss_parameter_supported
	mtls_endpoint_aliases tls_client_certificate_bound_access_tokens dpop_signing_alg_values_supported
	frontchannel_logout_supported frontchannel_logout_session_supported
	backchannel_logout_supported backchannel_logout_session_supported
	authorization_signing_alg_values_supported authorization_encryption_alg_values_supported
	authorization_encryption_enc_values_supported authorization_details_types_supported prompt_values_supported
	introspection_signing_alg_values_supported introspection_encryption_alg_values_supported
	introspection_encryption_enc_values_supported
	backchannel_authentication_endpoint backchannel_token_delivery_modes_supported
	backchannel_authentication_request_signing_alg_values_supported backchannel_user_code_parameter_supported
	protected_resources client_id_metadata_document_supported`)

// fields returns the exported fields of Metadata by JSON name.
func fields() map[string]reflect.StructField {
	byName := map[string]reflect.StructField{}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[oidcdiscovery.Metadata]()) {
		if f.IsExported() {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			byName[name] = f
		}
	}
	return byName
}

// goName returns the Go name of a member.
func goName(member string) string {
	capitals := map[string]string{
		"acr": "ACR", "dpop": "DPoP", "id": "ID", "jwks": "JWKS", "mtls": "MTLS", "op": "OP", "tls": "TLS", "tos": "TOS",
		"ui": "UI", "uri": "URI",
	}
	var name strings.Builder
	for word := range strings.SplitSeq(member, "_") {
		if c, ok := capitals[word]; ok {
			name.WriteString(c)
			continue
		}
		name.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return name.String()
}

func TestMetadataHasEveryField(t *testing.T) {
	t.Parallel()
	if len(crossauthFields) != 37 {
		t.Errorf("the list has %d names", len(crossauthFields))
	}
	have := fields()
	for _, member := range append(crossauthFields, extensionFields...) {
		f, ok := have[member]
		if !ok || f.Name != goName(member) {
			t.Errorf("%s: field is %q, want %q", member, f.Name, goName(member))
		}
		delete(have, member)
	}
	for member := range have {
		t.Errorf("%s is in no list", member)
	}
}

// sample returns a JSON value for a field of type t that differs from the value of Default.
func sample(t *testing.T, typ reflect.Type, member string) string {
	t.Helper()
	switch typ {
	case reflect.TypeFor[string]():
		return `"https://a.example/` + member + `"`
	case reflect.TypeFor[[]string]():
		return `["` + member + `","an unknown value"]`
	case reflect.TypeFor[map[string]string]():
		return `{"token_endpoint":"https://mtls.a.example/token"}`
	case reflect.TypeFor[bool]():
		return map[bool]string{false: "true", true: "false"}[member == "request_uri_parameter_supported"]
	}
	t.Fatalf("%s: no sample for %v", member, typ)
	return ""
}

// Each member of a document fills its own field and no other. Metadata created by hand has the same JSON form.
func TestMetadataFieldByField(t *testing.T) {
	t.Parallel()
	for member, f := range fields() {
		if member == "issuer" {
			continue
		}
		t.Run(member, func(t *testing.T) {
			t.Parallel()
			text := sample(t, f.Type, member)
			var c oidcdiscovery.Client
			got, err := c.Parse(plain, []byte(`{"issuer":"`+plain+`","`+member+`":`+text+`}`))
			if err != nil {
				t.Fatal(err)
			}
			want := oidcdiscovery.Default()
			want.Issuer = plain
			if err := json.Unmarshal([]byte(text), reflect.ValueOf(&want).Elem().FieldByIndex(f.Index).Addr().Interface()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&want, got, cmpopts.IgnoreUnexported(want)); diff != "" {
				t.Errorf("parsed (-want +got):\n%s", diff)
			}
			var claims map[string]json.RawMessage
			if err := want.Claims(&claims); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(text, string(claims[member])); diff != "" {
				t.Errorf("hand-made (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDefaultIsCrossauths(t *testing.T) {
	t.Parallel()
	const crossauth = `{"authorization_endpoint": "", "claim_types_supported": ["normal"], "claims_parameter_supported": false,
		"grant_types_supported": ["authorization_code", "implicit"], "id_token_signing_alg_values_supported": [],
		"issuer": "", "jwks_uri": "", "request_parameter_supported": false, "request_uri_parameter_supported": true,
		"require_request_uri_registration": false, "response_modes_supported": ["query", "fragment"],
		"response_types_supported": [], "subject_types_supported": [], "token_endpoint": ""}`
	var want oidcdiscovery.Metadata
	if err := json.Unmarshal([]byte(crossauth), &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, oidcdiscovery.Default(), cmpopts.IgnoreUnexported(want)); diff != "" {
		t.Errorf("(-crossauth +got):\n%s", diff)
	}
}

// Each document gets its own Default, so no document changes the defaults of the next one.
func TestDefaultIsNotShared(t *testing.T) {
	t.Parallel()
	var c oidcdiscovery.Client
	first, err := c.Parse(plain, []byte(`{"issuer":"https://a.example","response_modes_supported":["form_post"]}`))
	if err != nil {
		t.Fatal(err)
	}
	first.GrantTypesSupported[0] = "changed"
	second, err := c.Parse(plain, []byte(`{"issuer":"https://a.example"}`))
	if err != nil {
		t.Fatal(err)
	}
	want := oidcdiscovery.Default()
	want.Issuer = plain
	if diff := cmp.Diff(&want, second, cmpopts.IgnoreUnexported(want)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"form_post"}, first.ResponseModesSupported); diff != "" {
		t.Error(diff)
	}
}

// documents are accepted or rejected as metadata of https://a.example.
var documents = []struct {
	name, text string
	ok         bool
	names      string // a part of the error
	quirks     string // the names and places of the quirks, if the document is accepted
}{
	{name: "smallest", text: `{"issuer":"https://a.example"}`, ok: true},
	{name: "white space", text: " \r\n\t{ \"issuer\" : \"https:\\/\\/a.example\" }\n", ok: true},
	{name: "unknown members", text: `{"issuer":"https://a.example","x":{"y":[1,null,true]}}`, ok: true},
	{name: "no URL in authorization_endpoint", ok: true, text: `{"issuer":"https://a.example",
		"jwks_uri":"https://a.example/keys","authorization_endpoint":"urn:kubernetes:programmatic_authorization",
		"response_types_supported":["id_token"],"subject_types_supported":["public"],
		"claims_supported":["sub","iss"],"id_token_signing_alg_values_supported":["RS256"]}`},
	{name: "depth 16", text: `{"issuer":"https://a.example","x":` + strings.Repeat("[", 15) + strings.Repeat("]", 15) + `}`, ok: true},

	{name: "depth 17", text: `{"issuer":"https://a.example","x":` + strings.Repeat("[", 16) + strings.Repeat("]", 16) + `}`, ok: true, quirks: "invalid_value in metadata member"},
	{name: "BOM", text: "\ufeff" + `{"issuer":"https://a.example"}`, ok: true, quirks: "byte_order_mark in metadata document"},
	{name: "invalid UTF-8", text: `{"issuer":"https://a.example","x":"` + "\xff" + `"}`, ok: true, quirks: "invalid_value in metadata member"},
	{name: "Latin-1", text: `{"issuer":"https://a.example","op_policy_uri":"https://a.example/` + "\xe9" + `"}`, ok: true, quirks: "invalid_value in metadata op_policy_uri"},
	{name: "lone surrogate", text: `{"issuer":"https://a.example","service_documentation":"\ud800"}`, ok: true, quirks: "invalid_value in metadata service_documentation"},
	{name: "list as string", text: `{"issuer":"https://a.example","scopes_supported":"openid"}`, ok: true, quirks: "wrong_type in metadata scopes_supported"},
	{name: "list as object", text: `{"issuer":"https://a.example","claims_supported":{"sub":true}}`, ok: true, quirks: "wrong_type in metadata claims_supported"},
	{name: "list of lists", text: `{"issuer":"https://a.example","response_types_supported":[["code"]]}`, ok: true, quirks: "wrong_type in metadata response_types_supported"},
	{name: "number in a list", text: `{"issuer":"https://a.example","claims_supported":["sub",1]}`, ok: true, quirks: "wrong_type in metadata claims_supported"},
	{name: "string as list", text: `{"issuer":"https://a.example","userinfo_endpoint":["https://a.example/me"]}`, ok: true, quirks: "wrong_type in metadata userinfo_endpoint"},
	{name: "string as boolean", text: `{"issuer":"https://a.example","op_tos_uri":false}`, ok: true, quirks: "wrong_type in metadata op_tos_uri"},
	{name: "bool as string", text: `{"issuer":"https://a.example","request_parameter_supported":"true"}`, ok: true, quirks: "wrong_type in metadata request_parameter_supported"},
	{name: "bool as number", text: `{"issuer":"https://a.example","frontchannel_logout_supported":1}`, ok: true, quirks: "wrong_type in metadata frontchannel_logout_supported"},
	{name: "alias as number", text: `{"issuer":"https://a.example","mtls_endpoint_aliases":{"` + strings.Repeat("x", 10_000) + `":1}}`, ok: true, quirks: "wrong_type in metadata mtls_endpoint_aliases"},
	{name: "null", text: `{"issuer":"https://a.example","jwks_uri":null,"grant_types_supported":null}`, ok: true, quirks: "null_member in metadata grant_types_supported, null_member in metadata jwks_uri"},
	{name: "null in an unknown member", text: `{"issuer":"https://a.example","x":null}`, ok: true},
	{name: "duplicate of an unused member", text: `{"issuer":"https://a.example","ui_locales_supported":["en"],"ui_locales_supported":["de"]}`, ok: true, quirks: "duplicate_member in metadata ui_locales_supported"},
	{name: "duplicate of an unused member in another case", text: `{"issuer":"https://a.example","claims_supported":[],"Claims_Supported":[]}`, ok: true, quirks: "duplicate_member in metadata claims_supported, duplicate_member in metadata member"},
	{name: "duplicate of an unknown member", text: `{"x":1,"issuer":"https://a.example","y":1,"x":2,"y":3}`, ok: true, quirks: "duplicate_member in metadata member"},
	{name: "duplicate of an unknown endpoint", text: `{"issuer":"https://a.example","x_endpoint":"1","x_endpoint":"2"}`, ok: true, quirks: "duplicate_member in metadata member"},
	{name: "nested duplicate", text: `{"issuer":"https://a.example","mtls_endpoint_aliases":{"token_endpoint":"1","token_endpoint":"2"}}`, ok: true, quirks: "duplicate_member in metadata mtls_endpoint_aliases"},
	{
		name: "several faults", text: "\ufeff" + `{"issuer":"https://a.example","scopes_supported":1,"claims_supported":null,"x":1,"x":2}`, ok: true,
		quirks: "byte_order_mark in metadata document, duplicate_member in metadata member, null_member in metadata claims_supported, wrong_type in metadata scopes_supported",
	},

	{name: "empty"},
	{name: "null", text: `null`},
	{name: "array", text: `[{"issuer":"https://a.example"}]`},
	{name: "string", text: `"https://a.example"`},
	{name: "HTML", text: `<!doctype html><title>Sign in</title>`},
	{name: "cut off", text: `{"issuer":"https://a.example"`},
	{name: "data behind", text: `{"issuer":"https://a.example"}{}`},
	{name: "only a BOM", text: "\ufeff"},
	{name: "two BOMs", text: "\ufeff\ufeff" + `{"issuer":"https://a.example"}`},
	{name: "BOM after a space", text: " \ufeff" + `{"issuer":"https://a.example"}`},
	{name: "UTF-16", text: "\xff\xfe{\x00}\x00"},
	{name: "invalid UTF-8 outside of a string", text: "{\"issuer\":\"https://a.example\"\xff}"},
	{name: "control character", text: "{\"issuer\":\"https://a.example\",\"x\":\"\n\"}"},
	{name: "comma at the end", text: `{"issuer":"https://a.example",}`},
	{name: "invalid UTF-8 in the issuer", text: "{\"issuer\":\"https://a.example\xff\"}", names: `member "issuer": invalid UTF-8`},
	{name: "lone surrogate in jwks_uri", text: `{"issuer":"https://a.example","jwks_uri":"https://a.example/\ud800"}`, names: `member "jwks_uri": invalid escape`},
	{name: "two jwks_uris, the same", text: `{"issuer":"https://a.example","jwks_uri":"https://a.example/1","jwks_uri":"https://a.example/1"}`, names: `member "jwks_uri": duplicate`},
	{name: "two jwks_uris, cased", text: `{"issuer":"https://a.example","jwks_uri":"https://a.example/1","JWKS_URI":"https://b.example/1"}`, names: `member "jwks_uri": duplicate`},
	{name: "two token endpoints", text: `{"issuer":"https://a.example","token_endpoint":"https://a.example/1","token_endpoint":"https://b.example/1"}`, names: `member "token_endpoint": duplicate`},
	{name: "two token endpoints, one null", text: `{"issuer":"https://a.example","token_endpoint":"https://a.example/1","token_endpoint":null}`, names: `member "token_endpoint": duplicate`},
	{name: "two revocation endpoints, cased", text: `{"issuer":"https://a.example","revocation_endpoint":"https://a.example/1","Revocation_Endpoint":"https://b.example/1"}`, names: `member "revocation_endpoint": duplicate`},
	{name: "two issuers", text: `{"issuer":"https://a.example","issuer":"https://a.example"}`, names: `member "issuer": duplicate`},
	{name: "two issuers, cased", text: `{"issuer":"https://a.example","Issuer":"https://b.example"}`},
	{name: "two jwks_uris, escaped", text: `{"issuer":"https://a.example","jwks_uri":"https://a.example/1","jwks\u005furi":"https://a.example/2"}`},
	{name: "issuer in capitals", text: `{"ISSUER":"https://a.example"}`, names: "issuer"},
	{name: "no issuer", text: `{}`, names: "issuer"},
	{name: "issuer null", text: `{"issuer":null}`, names: "issuer"},
	{name: "issuer array", text: `{"issuer":["https://a.example"]}`, names: `member "issuer" is a JSON array`},
	{name: "issuer object", text: `{"issuer":{"https://a.example":1}}`, names: `member "issuer" is a JSON object`},
	{name: "jwks_uri number", text: `{"issuer":"https://a.example","jwks_uri":1}`, names: `member "jwks_uri" is a JSON number`},
}

func TestCaseD2_CaseD3_D4_Documents(t *testing.T) {
	t.Parallel()
	for _, tt := range documents {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var c oidcdiscovery.Client
			m, err := c.Parse(plain, []byte(tt.text))
			if (err == nil) != tt.ok || (m != nil) != tt.ok {
				t.Fatalf("got %v, %v", m, err)
			}
			if err == nil {
				if got := shown(m.Quirks()); got != tt.quirks {
					t.Errorf("quirks %q, want %q", got, tt.quirks)
				}
				return
			}
			if !strings.HasPrefix(err.Error(), "oidcdiscovery: ") || !strings.Contains(err.Error(), tt.names) {
				t.Errorf("%q does not name %q", err, tt.names)
			}
			if len(err.Error()) > 1000 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
		})
	}
}

// shown returns the names and places of quirks.
func shown(quirks []quirk.Quirk) string {
	var texts []string
	for _, q := range quirks {
		texts = append(texts, string(q.Name)+" in "+q.Place)
	}
	return strings.Join(texts, ", ")
}

// A member that is treated as absent has its default value, and Check returns its fault.
func TestCaseD2_FaultyMemberIsAbsent(t *testing.T) {
	t.Parallel()
	tests := []struct{ member, fault string }{
		{"token_endpoint", `member "token_endpoint" is a JSON array, expected string`},
		{"grant_types_supported", `member "grant_types_supported" is a JSON string, expected []string`},
		{"response_modes_supported", `member "response_modes_supported[1]" is a JSON number, expected string`},
		{"request_uri_parameter_supported", `member "request_uri_parameter_supported" is a JSON string, expected bool`},
		{"mtls_endpoint_aliases", `member "mtls_endpoint_aliases.token_endpoint" is a JSON object, expected string`},
		{"scopes_supported", `member "scopes_supported": duplicate member name at byte 278`},
		{"op_policy_uri", `member "op_policy_uri": invalid escape in a string at byte 320`},
	}
	var c oidcdiscovery.Client
	m, err := c.Parse(plain, []byte(`{"issuer":"https://a.example","jwks_uri":"https://a.example/keys",
		"token_endpoint":[],"grant_types_supported":"code","response_modes_supported":["query",1],
		"request_uri_parameter_supported":"false","mtls_endpoint_aliases":{"token_endpoint":{}},"scopes_supported":["a"],
		"scopes_supported":["b"],"op_policy_uri":"\ud800","op_tos_uri":null,"subject_types_supported":null}`))
	if err != nil {
		t.Fatal(err)
	}
	want := oidcdiscovery.Default()
	want.Issuer, want.JWKSURI = plain, plain+"/keys"
	if diff := cmp.Diff(&want, m, cmpopts.IgnoreUnexported(want)); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
	var members []string
	for _, tt := range tests {
		members = append(members, tt.member)
		err := m.Check("jwks_uri", tt.member, tt.member)
		if want := `oidcdiscovery: metadata of "https://a.example": ` + tt.fault; err == nil || err.Error() != want {
			t.Errorf("%s:\ngot  %v\nwant %s", tt.member, err, want)
		}
	}
	if err := m.Check(members...); err == nil || strings.Count(err.Error(), "\n") != len(members)-1 {
		t.Errorf("Check of all members returns %v", err)
	}
	for _, err := range []error{
		m.Check(), m.Check("issuer", "jwks_uri", "revocation_endpoint", "op_tos_uri", "subject_types_supported", "unknown"),
		new(oidcdiscovery.Metadata).Check(members...),
	} {
		if err != nil {
			t.Error(err)
		}
	}
}

// Quirks returns a new list each time, and nothing for metadata created by hand.
func TestQuirksAreCopied(t *testing.T) {
	t.Parallel()
	var c oidcdiscovery.Client
	m, err := c.Parse(plain, []byte(`{"issuer":"https://a.example","scopes_supported":1}`))
	if err != nil {
		t.Fatal(err)
	}
	m.Quirks()[0].Name = "changed"
	want := []quirk.Quirk{{Name: quirk.WrongType, Place: "metadata scopes_supported", RFC: "RFC 8414 section 3.2"}}
	if diff := cmp.Diff(want, m.Quirks()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := new(oidcdiscovery.Metadata).Quirks(); got != nil {
		t.Errorf("quirks %v of metadata created by hand", got)
	}
}

// Claims does not decode members that JSON readers could read in different ways. It decodes those that only have a wrong
// type.
func TestCaseD3_ClaimsOfAFaultyDocument(t *testing.T) {
	t.Parallel()
	var c oidcdiscovery.Client
	m, err := c.Parse(plain, []byte("\ufeff"+`{"issuer":"https://a.example","x":1,"x":2,"scopes_supported":"openid","y":"\ud800"}`))
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := m.Claims(&got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]any{"issuer": plain, "scopes_supported": "openid"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestClaims(t *testing.T) {
	t.Parallel()
	const text = `{"issuer":"https://a.example","tenant_region_scope":"EU","Cloud":"one","n":12345678901234567890}`
	var c oidcdiscovery.Client
	m, err := c.Parse(plain, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Region string      `json:"tenant_region_scope"`
		Cloud  string      `json:"cloud"` // not the same name as "Cloud"
		N      json.Number `json:"n"`
	}
	if err := m.Claims(&got); err != nil {
		t.Fatal(err)
	}
	if got.Region != "EU" || got.Cloud != "" || got.N != "12345678901234567890" {
		t.Errorf("got %+v", got)
	}

	var raw map[string]json.RawMessage
	if err := m.Claims(&raw); err != nil || len(raw) != 4 {
		t.Errorf("got %v, %v: the values of Default are not in the document", raw, err)
	}
	for name, into := range map[string]any{"nil": nil, "no pointer": got, "another type": new([]string)} {
		if err := m.Claims(into); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestClaimsOfHandMadeMetadata(t *testing.T) {
	t.Parallel()
	m := oidcdiscovery.Metadata{Issuer: plain, JWKSURI: plain + "/keys", ScopesSupported: []string{"openid"}}
	var got map[string]any
	if err := m.Claims(&got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"issuer": plain, "jwks_uri": plain + "/keys", "scopes_supported": []any{"openid"},
		"request_uri_parameter_supported": false, // absent would mean true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	ambiguous := oidcdiscovery.Metadata{MTLSEndpointAliases: map[string]string{"token_endpoint": "1", "Token_Endpoint": "2"}}
	if err := ambiguous.Claims(&got); err == nil {
		t.Error("two spellings of one name are accepted")
	}
}

// The same rules apply to metadata created by hand and to fetched metadata.
func TestD2_D3_Validate(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		client   oidcdiscovery.Client
		issuer   string
		metadata oidcdiscovery.Metadata
		ok       bool
		mismatch bool
	}{
		{name: "good", issuer: plain, metadata: oidcdiscovery.Metadata{Issuer: plain, JWKSURI: plain + "/keys"}, ok: true},
		{name: "keys elsewhere", issuer: plain, metadata: oidcdiscovery.Metadata{Issuer: plain, JWKSURI: "https://b.example"}, ok: true},
		{name: "keys on loopback", issuer: plain, metadata: oidcdiscovery.Metadata{Issuer: plain, JWKSURI: "http://127.0.0.1:1/"}, ok: true},
		{name: "no keys", issuer: plain, metadata: oidcdiscovery.Metadata{Issuer: plain}, ok: true},
		{name: "another issuer", issuer: plain, metadata: oidcdiscovery.Metadata{Issuer: tenant}, mismatch: true},
		{name: "slash", issuer: plain, metadata: oidcdiscovery.Metadata{Issuer: plain + "/"}, mismatch: true},
		{name: "empty", issuer: plain, mismatch: true},
		{name: "no issuer wanted"},
		{name: "http issuer", issuer: "http://a.example", metadata: oidcdiscovery.Metadata{Issuer: "http://a.example"}},
		{
			name: "http issuer allowed", client: oidcdiscovery.Client{InsecureAllowHTTP: true}, issuer: "http://a.example",
			metadata: oidcdiscovery.Metadata{Issuer: "http://a.example", JWKSURI: "http://a.example/keys"}, ok: true,
		},
		{name: "query", issuer: plain + "?x", metadata: oidcdiscovery.Metadata{Issuer: plain + "?x"}},
		{name: "http keys", issuer: plain, metadata: oidcdiscovery.Metadata{Issuer: plain, JWKSURI: "http://a.example/keys"}},
		{
			name: "keys must be at home", client: oidcdiscovery.Client{SameOriginKeys: true}, issuer: plain,
			metadata: oidcdiscovery.Metadata{Issuer: plain, JWKSURI: "https://b.example/keys"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := tt.client.Validate(tt.issuer, &tt.metadata)
			if (err == nil) != tt.ok {
				t.Fatalf("got %v", err)
			}
			var mismatch *oidcdiscovery.IssuerMismatchError
			if errors.As(err, &mismatch) != tt.mismatch {
				t.Errorf("got %v", err)
			}
			if err != nil && !strings.HasPrefix(err.Error(), "oidcdiscovery: ") {
				t.Errorf("got %q", err)
			}
		})
	}
}

func FuzzMetadata(f *testing.F) {
	for _, tt := range documents {
		f.Add([]byte(tt.text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c := oidcdiscovery.Client{SameOriginKeys: true}
		m, err := c.Parse(plain, text)
		if (m == nil) == (err == nil) {
			t.Fatalf("got %v, %v", m, err)
		}
		if err != nil {
			if len(err.Error()) > 1000 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
			return
		}
		if m.Issuer != plain {
			t.Errorf("accepted issuer %q", m.Issuer)
		}
		if m.JWKSURI != "" && !strings.HasPrefix(strings.ToLower(m.JWKSURI), plain) {
			t.Errorf("accepted jwks_uri %q", m.JWKSURI)
		}
		// encoding/json reads all members that are not dropped in the same way.
		var claims, second map[string]any
		if err := m.Claims(&claims); err != nil {
			t.Errorf("Claims: %v", err)
		}
		if err := json.Unmarshal(bytes.TrimPrefix(text, []byte("\ufeff")), &second); err != nil {
			t.Fatalf("encoding/json rejects the document: %v", err)
		}
		for name, value := range claims {
			if !cmp.Equal(value, second[name]) {
				t.Errorf("Claims has %q: %v, the document %v", name, value, second[name])
			}
		}
		if len(claims) < len(second) && len(m.Quirks()) == 0 {
			t.Errorf("Claims has %v, the document %v, and there are no quirks", claims, second)
		}
		for _, q := range m.Quirks() {
			if q.Name == "" || !strings.HasPrefix(q.Place, "metadata ") || len(q.Place) > 100 || q.RFC == "" {
				t.Errorf("quirk %+v", q)
			}
		}
	})
}
