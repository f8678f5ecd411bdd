package client_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

// TestMissingMetadataError checks that each call without its endpoint returns an error that names the endpoint and the field.
func TestMissingMetadataError(t *testing.T) {
	t.Parallel()
	c, err := client.New(client.Config{
		Issuer: "https://issuer.test", ClientID: "app", ClientSecret: "a long secret of the client app", RedirectURI: "https://app.test/callback",
		Metadata: &oidcdiscovery.Metadata{Issuer: "https://issuer.test"},
		HTTPClient: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			t.Errorf("a request to %s", r.URL)
			return nil, errors.New("no network")
		})},
	})
	if err != nil {
		t.Fatal(err)
	}
	for member, call := range map[string]func(ctx context.Context) error{
		"token_endpoint":                func(ctx context.Context) error { _, err := c.ClientCredentials(ctx); return err },
		"device_authorization_endpoint": func(ctx context.Context) error { _, err := c.StartDevice(ctx, client.DeviceOptions{}); return err },
		"authorization_endpoint": func(ctx context.Context) error {
			_, err := c.AuthorizationURL(ctx, client.AuthorizationOptions{})
			return err
		},
		"pushed_authorization_request_endpoint": func(ctx context.Context) error { _, _, err := c.PushAuthorization(ctx, nil); return err },
		"userinfo_endpoint":                     func(ctx context.Context) error { _, err := c.UserInfo(ctx, "a token", "alice"); return err },
		"revocation_endpoint":                   func(ctx context.Context) error { return c.Revoke(ctx, "a token", "") },
		"introspection_endpoint":                func(ctx context.Context) error { _, err := c.Introspect(ctx, "a token", ""); return err },
	} {
		err := call(t.Context())
		var missing *client.MissingMetadataError
		if !errors.As(err, &missing) || missing.Member != member || missing.Field != `Config.Endpoints["`+member+`"]` || missing.Err != nil {
			t.Errorf("%s: %v, %+v", member, err, missing)
		}
		if !errors.Is(err, client.ErrUnsupported) || errors.Is(err, client.ErrUnavailable) || !strings.Contains(err.Error(), "the metadata has no "+member) {
			t.Errorf("%s: %v", member, err)
		}
	}
}

// A missing member of metadata that is incomplete, because a document could not be fetched, may be there later.
func TestMissingMetadataErrorOfAnOutage(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		cause error
		class error
		not   error
	}{
		{oidcdiscovery.ErrUnavailable, client.ErrUnavailable, client.ErrUnsupported},
		{errors.New("not JSON"), client.ErrUnsupported, client.ErrUnavailable},
	} {
		err := error(&client.MissingMetadataError{Member: "jwks_uri", Field: "Config.Keys", Err: test.cause})
		if !errors.Is(err, test.class) || errors.Is(err, test.not) || !errors.Is(err, test.cause) || !strings.Contains(err.Error(), test.cause.Error()) {
			t.Errorf("%v: %v", test.cause, err)
		}
	}
}
