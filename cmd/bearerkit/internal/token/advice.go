package token

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
)

// advise adds to an error what the user can change. The texts of package client already contain the code and the description of the
// authorization server, and the fields of client.Config that decide. advise names the flags and the variables.
func (s *session) advise(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if text := s.advice(ctx, err); text != "" {
		return fmt.Errorf("%w\n%s", err, text)
	}
	return err
}

// advice returns what the user can change, or "".
func (s *session) advice(ctx context.Context, err error) string {
	code := func(codes ...client.ErrorCode) bool {
		for _, c := range codes {
			if errors.Is(err, c) {
				return true
			}
		}
		return false
	}
	switch {
	case errors.Is(context.Cause(ctx), context.Canceled):
		return ""
	case code(client.ErrUnauthorizedClient, client.ErrUnsupportedGrantType):
		return fmt.Sprintf("At the authorization server, allow %s for the client %s, or use %s.",
			describeFlow(s.flow), cli.Quote(s.cfg.ClientID), otherFlows(s.flow))
	case code(client.ErrInvalidClient):
		return s.rejectedClient()
	case code(client.ErrInvalidScope):
		return fmt.Sprintf("The requested scopes are %s (--scope, BEARERKIT_SCOPES). Remove those that the authorization server does not know "+
			"or does not allow for the client %s.", list(s.cfg.Scopes), cli.Quote(s.cfg.ClientID))
	case code(client.ErrInvalidTarget):
		return fmt.Sprintf("The requested resources are %s (--resource, BEARERKIT_RESOURCE). Use identifiers that the authorization server knows. "+
			"If it expects the parameter audience, set --client-audience (BEARERKIT_CLIENT_AUDIENCE) in place of --resource.", list(s.cfg.Resource))
	case code(client.ErrInvalidDPoPProof):
		return "The authorization server rejects the DPoP proof. Check the clock of this machine, and the key in BEARERKIT_DPOP_KEY_FILE."
	case code(client.ErrAccessDenied):
		return "The user or the authorization server declined. Run the command again, and accept the request."
	case code(client.ErrExpiredToken):
		return "The user did not type the code in time. Run the command again."
	case code(client.ErrInvalidGrant) && s.flow == flowBrowser:
		return "The authorization server rejects the code. Its registration of the client may require another redirect URI or PKCE method."
	}
	return s.adviceOther(err)
}

// rejectedClient returns what to change if the authorization server does not accept the client.
func (s *session) rejectedClient() string {
	text := fmt.Sprintf("The authorization server does not accept the client %s. Check --client-id (BEARERKIT_CLIENT_ID)", cli.Quote(s.cfg.ClientID))
	switch {
	case s.cfg.ClientSecret != "" || s.cfg.SecretSource != nil:
		return text + ", the secret (--client-secret-file, BEARERKIT_CLIENT_SECRET), and BEARERKIT_AUTH_METHOD."
	case s.cfg.Key != nil || s.cfg.AssertionSource != nil:
		return text + ", the key (BEARERKIT_CLIENT_KEY_FILE, BEARERKIT_CLIENT_KEY_ID), and BEARERKIT_AUTH_METHOD."
	}
	return text + ". If the client has a secret, set --client-secret-file, BEARERKIT_CLIENT_SECRET or BEARERKIT_CLIENT_SECRET_FILE."
}

// adviceOther returns what to change after an error that has no OAuth error code.
func (s *session) adviceOther(err error) string {
	var missing *client.MissingMetadataError
	switch {
	case errors.As(err, &missing) && errors.Is(err, client.ErrUnsupported):
		return s.missing(missing.Member)
	case errors.Is(err, context.DeadlineExceeded) && s.flow == flowDevice:
		return "The sign-in was not completed in time (--timeout)."
	case errors.Is(err, context.DeadlineExceeded) && s.flow == flowBrowser:
		return "The sign-in was not completed in time (--timeout). If the browser shows an error about the redirect URI, register " +
			s.redirect() + " for the client, or set --redirect-uri to a registered one."
	case errors.Is(err, client.ErrUnavailable):
		return fmt.Sprintf("Check that the issuer %s (--issuer, BEARERKIT_ISSUER) is correct and can be reached from this machine, or try again later.",
			cli.Quote(s.cfg.Issuer))
	}
	return ""
}

// missing returns what to change if the metadata lacks a member that the flow needs.
func (s *session) missing(member string) string {
	if !strings.HasSuffix(member, "_endpoint") {
		return "Ask the operator of the authorization server to publish " + member + "."
	}
	return fmt.Sprintf("The metadata of the authorization server does not offer %s. Use %s, or set the endpoint: BEARERKIT_ENDPOINTS=%s=URL.",
		describeFlow(s.flow), otherFlows(s.flow), member)
}

// redirect returns the redirect URI that must be registered.
func (s *session) redirect() string {
	if s.cfg.RedirectURI != "" {
		return cli.Quote(s.cfg.RedirectURI)
	}
	return "http://127.0.0.1/callback"
}

// list returns the values of a parameter for a message.
func list(values []string) string {
	if len(values) == 0 {
		return "not set"
	}
	quoted := make([]string, len(values))
	for i, value := range values {
		quoted[i] = cli.Quote(value)
	}
	return strings.Join(quoted, ", ")
}
