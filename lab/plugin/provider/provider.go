// Package provider describes the AWS provider to Pulumi's bridge: which types it offers, under which tokens, and
// where their properties differ from Terraform's. It follows @pulumi/aws of the same Version, name by name.
package provider

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-provider-aws/holdfastdoor"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	sdkv2 "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim/sdk-v2"
)

// Name is the package's name: the engine starts pulumi-resource-<Name>.
const Name = "aws"

// Version is the release of @pulumi/aws that this plugin stands in for. The build sets it, from toolchain/versions.ts.
var Version = "0.0.0-dev"

// Info is the whole provider. It panics where the upstream provider is not what this file was written for: such a
// plugin must not be built.
func Info(ctx context.Context) tfbridge.ProviderInfo {
	upstream, err := holdfastdoor.NewProvider(ctx)
	if err != nil {
		panic(fmt.Sprintf("the AWS provider does not start: %v", err))
	}

	info := tfbridge.ProviderInfo{
		P:            sdkv2.NewProvider(upstream),
		Name:         Name,
		Version:      Version,
		GitHubOrg:    "hashicorp",
		Description:  "The AWS resource types that Holdfast's stacks use",
		Config:       config(),
		Resources:    resources(),
		MetadataInfo: tfbridge.NewProviderMetadata([]byte("{}")),
	}
	for name := range info.Resources {
		if _, found := upstream.ResourcesMap[name]; !found {
			panic(fmt.Sprintf("the AWS provider has no %s", name))
		}
	}
	info.IgnoreMappings = slices.Concat(
		unmapped(slices.Collect(maps.Keys(upstream.ResourcesMap)), info.Resources),
		slices.Collect(maps.Keys(upstream.DataSourcesMap)),
	)
	checkBeforehand(info)
	info.SetAutonaming(255, "-")
	return info
}

func unmapped(all []string, mapped map[string]*tfbridge.ResourceInfo) []string {
	return slices.DeleteFunc(all, func(name string) bool { return mapped[name] != nil })
}

func config() map[string]*tfbridge.SchemaInfo {
	return map[string]*tfbridge.SchemaInfo{
		"region": {
			Type:                  "aws:index/region:Region",
			Default:               &tfbridge.DefaultInfo{EnvVars: []string{"AWS_REGION", "AWS_DEFAULT_REGION"}},
			ForcesProviderReplace: tfbridge.True(),
		},
		"skip_credentials_validation": {Default: &tfbridge.DefaultInfo{Value: false}},
		"skip_region_validation":      {Default: &tfbridge.DefaultInfo{Value: true}},
		"skip_metadata_api_check":     {Type: "boolean"},
		"access_key":                  {Secret: tfbridge.True()},
		"secret_key":                  {Secret: tfbridge.True()},
		"token":                       {Secret: tfbridge.True()},
	}
}
