package oidcdiscovery_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

func TestLocations(t *testing.T) {
	t.Parallel()
	const origin = "https://login.example.com"
	for _, test := range []struct {
		client oidcdiscovery.Client
		issuer string
		want   []string
	}{
		{oidcdiscovery.Client{}, origin + "/", []string{
			origin + "/.well-known/oauth-authorization-server", origin + "/.well-known/openid-configuration",
		}},
		{oidcdiscovery.Client{}, origin + "/a", []string{
			origin + "/.well-known/oauth-authorization-server/a", origin + "/a/.well-known/openid-configuration",
			origin + "/.well-known/openid-configuration/a", origin + "/a/.well-known/oauth-authorization-server",
		}},
		{oidcdiscovery.Client{MetadataURL: "https://internal.example/m"}, origin, []string{"https://internal.example/m"}},
		{oidcdiscovery.Client{MetadataURL: "http://internal.example/m"}, origin, nil},
		{oidcdiscovery.Client{}, "http://login.example.com", nil},
		{oidcdiscovery.Client{InsecureAllowHTTP: true}, "http://a.test", []string{
			"http://a.test/.well-known/oauth-authorization-server", "http://a.test/.well-known/openid-configuration",
		}},
		{oidcdiscovery.Client{}, origin + "?x", nil},
	} {
		got, err := test.client.Locations(test.issuer)
		if diff := cmp.Diff(test.want, got); diff != "" || (err != nil) != (test.want == nil) {
			t.Errorf("%s: %v (-want +got):\n%s", test.issuer, err, diff)
		}
	}
}
