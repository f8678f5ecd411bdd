package bench

import (
	"context"
	"errors"
	"fmt"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
)

// maxFetch limits the token requests of one run, because each of them may cost the authorization server a signature.
const maxFetch = 100

// fetch gets tokens with the client credentials grant, one after the other. It stops at the first error. The result is a text with one
// token in each line, for ParseTokens.
func (f *flags) fetch(ctx context.Context, env *cli.Env) ([]byte, error) {
	if f.fetched < 0 || f.fetched > maxFetch {
		return nil, cli.Usagef("bench: --fetch is %d, expected 0 to %d", f.fetched, maxFetch)
	}
	if f.fetched == 0 {
		return nil, nil
	}
	cfg, err := f.client.Config()
	if err != nil {
		return nil, err
	}
	c, err := client.New(cfg)
	if err != nil {
		return nil, cli.Usagef("%w", err)
	}
	progress := env.Progress()
	defer progress.Done()
	var text []byte
	for i := range f.fetched {
		progress.Step(fmt.Sprintf("getting token %d of %d", i+1, f.fetched))
		token, err := c.ClientCredentials(ctx)
		if err != nil {
			return nil, fmt.Errorf("%w\nbench: --fetch: 'bearerkit token' with the same flags says what to change", err)
		}
		if token.TokenType != "Bearer" {
			return nil, errors.New("bench: --fetch: the tokens are bound to a key (DPoP), expected bearer tokens: unset BEARERKIT_DPOP_KEY_FILE")
		}
		if err := checkToken(token.AccessToken); err != nil {
			return nil, fmt.Errorf("bench: --fetch: %w", err)
		}
		text = append(append(text, token.AccessToken...), '\n')
	}
	return text, nil
}
