package providers

import (
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
)

func kubernetes() (*consumer.Consumer, error) {
	return consumer.New(consumer.Config{
		Issuer:   "https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE",
		Audience: []string{"https://api.example.com"},
		Profile:  consumer.ProfileKubernetes,
	})
}

func gitHubActions() (*consumer.Consumer, error) {
	return consumer.New(consumer.Config{
		Issuer:    "https://token.actions.githubusercontent.com",
		Audience:  []string{"https://api.example.com"},
		Profile:   consumer.ProfileGitHubActions,
		ClientIDs: []string{"octo-org/octo-repo"},
	})
}

func gitLabCI() (*consumer.Consumer, error) {
	return consumer.New(consumer.Config{
		Issuer:    "https://gitlab.com",
		Audience:  []string{"https://api.example.com"},
		Profile:   consumer.ProfileGitLabCI,
		ClientIDs: []string{"my-group/my-project"},
	})
}

func spiffe() (*consumer.Consumer, error) {
	keys, err := jwks.New(jwks.Config{URL: "https://spire.example.org/bundle"})
	if err != nil {
		return nil, err
	}
	return consumer.New(consumer.Config{
		Issuer:   "spiffe://example.org",
		Audience: []string{"https://api.example.com"},
		Profile:  consumer.ProfileSPIFFE,
		Keys:     keys,
	})
}
