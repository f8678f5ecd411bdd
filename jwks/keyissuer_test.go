package jwks_test

import (
	"testing"

	"github.com/bearerkit/bearerkit/jwks"
)

// The member issuer of a JWK is kept. A value that is not a string fits no issuer, and does not cost the key.
func TestCaseD9_IssuerOfAKey(t *testing.T) {
	t.Parallel()
	const public = `"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"`
	for members, want := range map[string]string{
		``:                                      "",
		`,"issuer":"https://login.test/a"`:      "https://login.test/a",
		`,"issuer":"https://login.test/{a}"`:    "https://login.test/{a}",
		`,"issuer":null`:                        "",
		`,"issuer":""`:                          "",
		`,"issuer":7`:                           "?",
		`,"issuer":{}`:                          "?",
		`,"issuer":["https://login.test/a"]`:    "?",
		`,"issuer":"https:\/\/login.test\/a"`:   "https://login.test/a",
		`,"ISSUER":"https://login.test/a"`:      "",
		`,"kid":"1","issuer":"https://a.test/"`: "https://a.test/",
	} {
		keys, err := jwks.ParseJWKS([]byte(`{"keys":[{` + public + members + `}]}`))
		if err != nil || len(keys) != 1 || keys[0].Issuer != want {
			t.Errorf("%s: %v, %v, want issuer %q", members, keys, err, want)
		}
	}
	for _, members := range []string{`,"issuer":"a","issuer":"b"`, `,"issuer":"a","Issuer":"b"`, `,"issuer":"\ud800"`} { // ambiguous
		keys, err := jwks.ParseJWKS([]byte(`{"keys":[{` + public + members + `}]}`))
		if err == nil && (len(keys) != 1 || keys[0].Issuer != "?") {
			t.Errorf("%s: %v, %v", members, keys, err)
		}
	}
	set := `{"keys":[{` + public + `,"issuer":"a"},{` + public + `,"issuer":"b"},{` + public + `,"issuer":"b"}]}`
	if keys, err := jwks.ParseJWKS([]byte(set)); err != nil || len(keys) != 2 || keys[0].Equal(keys[1]) {
		t.Errorf("keys of two issuers: %v, %v", keys, err)
	}
}
