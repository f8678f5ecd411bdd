package consumer

// Profiles returns the profiles of this package, which all have different names; see [Profile.String]. The caller may change the
// slice.
func Profiles() []Profile {
	return []Profile{
		ProfileDefault, ProfileRFC9068, ProfileCrossauth, ProfileAuth0, ProfileOkta, ProfileEntraV1, ProfileEntraV2,
		ProfileCognito, ProfileKeycloak, ProfileGoogle, ProfileDex, ProfileSpringAS, ProfileAuthentik, ProfileAuthelia,
		ProfileCasdoor, ProfileDuende, ProfileOry, ProfileADFS, ProfileSupabase, ProfileFirebase, ProfileClerk, ProfileWorkOS,
		ProfileLogto, ProfileFusionAuth, ProfilePingOne, ProfileAzureADB2C, ProfileCloudflareAccess, ProfileGoogleIAP,
		ProfileAWSALB, ProfileKubernetes, ProfileGitHubActions, ProfileGitLabCI, ProfileSPIFFE,
	}
}
