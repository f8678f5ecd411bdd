package registry_test

import (
	"fmt"

	"github.com/bearerkit/bearerkit/registry"
)

func ExampleParseFlow() {
	for _, text := range []string{"deviceCode", "device_code", "implicit"} {
		f, err := registry.ParseFlow(text)
		fmt.Println(f, f.GrantTypes(), err)
	}
	// Output:
	// device_code [urn:ietf:params:oauth:grant-type:device_code] <nil>
	// device_code [urn:ietf:params:oauth:grant-type:device_code] <nil>
	//  [] registry: unknown flow
}

func ExampleFlowNames() {
	fmt.Println(registry.FlowNames([]registry.Flow{registry.FlowRefreshToken, registry.FlowPasswordMFA}))
	// Output: [Refresh Token Password MFA]
}
