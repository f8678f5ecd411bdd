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

// ProfileNamed returns the profile of this package with the given name, such as "keycloak", for programs that read the name from a
// file or a flag. Names are the results of [Profile.String], and are compared byte for byte. ok is false if no profile has the name.
// The empty name is not that of a profile; "default" is that of [ProfileDefault].
func ProfileNamed(name string) (p Profile, ok bool) {
	for _, p := range Profiles() {
		if p.String() == name {
			return p, true
		}
	}
	return Profile{}, false
}
