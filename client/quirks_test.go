package client_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
	"github.com/bearerkit/bearerkit/quirk"
)

// Quirks lists the deviations of the metadata, once each, and the caller may change the list.
func TestQuirks_OfMetadata(t *testing.T) {
	t.Parallel()
	const document = `{"issuer":"` + issuerURL + `","token_endpoint":"` + issuerURL + `/token","scopes_supported":"a","op_tos_uri":null}`
	want := []quirk.Quirk{
		{Name: quirk.NullMember, Place: "metadata op_tos_uri", RFC: "RFC 8414 section 3.2"},
		{Name: quirk.WrongType, Place: "metadata scopes_supported", RFC: "RFC 8414 section 3.2"},
	}
	fetched := newClient(t, says(200, document), func(cfg *client.Config) { cfg.Metadata = nil })
	if got := fetched.Quirks(); got != nil {
		t.Errorf("before the metadata is fetched: %v", got)
	}
	if err := fetched.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	metadata, err := (&oidcdiscovery.Client{HTTPClient: &http.Client{Transport: says(200, document)}}).Discover(t.Context(), issuerURL)
	if err != nil {
		t.Fatal(err)
	}
	configured := newClient(t, says(200, `{}`), func(cfg *client.Config) { cfg.Metadata = metadata })
	for name, c := range map[string]*client.Client{"fetched": fetched, "configured": configured} {
		if diff := cmp.Diff(want, c.Quirks()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		c.Quirks()[0] = quirk.Quirk{}
		if diff := cmp.Diff(want, c.Quirks()); diff != "" {
			t.Errorf("%s: the caller changed the list (-want +got):\n%s", name, diff)
		}
	}
}
