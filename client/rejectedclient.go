package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// explain adds to the text of an error how the client authenticated, if the server rejected the client. The text names the
// fields of the Config that change it. It contains no credential.
func (c *Client) explain(ctx context.Context, to destination, err error) error {
	if e, ok := errors.AsType[*Error](err); !ok || !e.rejectsClient() {
		return err
	}
	method, unknown := c.authMethod(ctx, to.name)
	if unknown != nil {
		return err
	}
	return c.explainMethod(ctx, to, method, err)
}

// explainMethod is like explain, for a request that was authenticated with method.
func (c *Client) explainMethod(ctx context.Context, to destination, method AuthMethod, err error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok || !e.rejectsClient() {
		return err
	}
	text := c.describe(to, method) + c.contradiction(ctx, to, method)
	if e.hint != "" {
		text = e.hint + "; " + text
	}
	e.hint = text
	return err
}

// rejectsClient reports whether the server rejected the client, and not the grant. Some servers have other codes than
// invalid_client for that, such as bad_client_secret, or send none.
func (e *Error) rejectsClient() bool {
	return strings.Contains(e.Code, "client") || e.Code == "" && e.Status == http.StatusUnauthorized
}

// describe says how a request was authenticated, and which fields decide that.
func (c *Client) describe(to destination, method AuthMethod) string {
	with := fmt.Sprintf("the client authenticated with %s", method)
	if c.cfg.AuthMethod == "" {
		with += ", which was chosen because Config.AuthMethod is empty"
	}
	switch method {
	case AuthBasic:
		encoding := map[BasicEncoding]string{BasicForm: "form-urlencoded", BasicRaw: "unchanged"}[c.cfg.BasicEncoding]
		return fmt.Sprintf("%s; the id and the secret were sent %s (Config.AuthMethod, Config.BasicEncoding, Config.ClientIDInBody)", with, encoding)
	case AuthSecretJWT:
		return fmt.Sprintf("%s; the assertion had the audience %q (Config.AuthMethod, Config.AssertionAudience)", with, clip(c.assertionAudience(to)))
	case AuthPrivateKeyJWT:
		if c.cfg.AssertionSource != nil {
			return with + "; the assertion came from Config.AssertionSource, and its iss, sub and aud must be the ones that the server expects"
		}
		return fmt.Sprintf("%s; the assertion had the audience %q, the algorithm %q and the kid %q (Config.AuthMethod, Config.AssertionAudience, Config.Key)",
			with, clip(c.assertionAudience(to)), c.cfg.Key.Algorithm, clip(c.cfg.Key.ID))
	case AuthNone:
		return "the client sent only its id, and no credential (Config.AuthMethod, Config.ClientSecret, Config.Key)"
	case AuthPost, AuthTLS, AuthSelfSignedTLS:
	}
	return with + " (Config.AuthMethod)"
}

// contradiction returns a text that says that the metadata does not list the method or the algorithm. It returns an empty
// text if the metadata lists both, or has no such lists. Metadata can be wrong, so the client sends such a request
// nevertheless.
func (c *Client) contradiction(ctx context.Context, to destination, method AuthMethod) string {
	m, err := c.facts(ctx, cmp.Or(to.name, endpointToken))
	if err != nil {
		return ""
	}
	if methods, member := offeredMethods(m, to.name); len(methods) > 0 && !slices.Contains(methods, string(method)) {
		return fmt.Sprintf("; %s lists only %s", member, quoted(methods))
	}
	algorithms := offeredAlgorithms(m, to.name)
	if method == AuthPrivateKeyJWT && c.cfg.AssertionSource == nil && len(algorithms) > 0 && !slices.Contains(algorithms, c.cfg.Key.Algorithm) {
		return "; the metadata lists only the algorithms " + quoted(algorithms)
	}
	return ""
}

// quoted returns a list from the metadata for an error text, at most its first six elements.
func quoted(list []string) string {
	const most = 6
	var texts []string
	for _, one := range list[:min(len(list), most)] {
		texts = append(texts, fmt.Sprintf("%q", clip(one)))
	}
	if len(list) > most {
		texts = append(texts, "…")
	}
	return "[" + strings.Join(texts, " ") + "]"
}
