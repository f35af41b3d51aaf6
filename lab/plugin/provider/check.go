package provider

import (
	"context"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// checkBeforehand fills in what the upstream provider would add to a resource only after Pulumi has checked its
// inputs: its region, and its tags with the provider's own. Left to the upstream provider they would be a difference
// in each later preview.
func checkBeforehand(info tfbridge.ProviderInfo) {
	for name, row := range info.Resources {
		schema := info.P.ResourcesMap().Get(name).Schema()
		_, hasRegion := schema.GetOk("region")
		_, hasTags := schema.GetOk("tags")
		_, hasTagsAll := schema.GetOk("tags_all")
		tagged := hasTags && hasTagsAll

		if tagged {
			if row.Fields == nil {
				row.Fields = map[string]*tfbridge.SchemaInfo{}
			}
			row.Fields["tags_all"] = &tfbridge.SchemaInfo{MarkAsComputedOnly: tfbridge.True()}
		}
		row.PreCheckCallback = func(
			_ context.Context, inputs, config resource.PropertyMap,
		) (resource.PropertyMap, error) {
			filled := inputs.Copy()
			if hasRegion {
				fillRegion(filled, config)
			}
			if tagged {
				filled["tagsAll"] = allTags(inputs["tags"], config)
			}
			return filled, nil
		}
	}
}

func fillRegion(inputs, config resource.PropertyMap) {
	if given, found := inputs["region"]; found && !given.IsNull() {
		return
	}
	if region, found := config["region"]; found && !region.IsNull() {
		inputs["region"] = region
	}
}

// allTags are the default tags of the provider, then the resource's own, less the ignored ones. They are unknown as
// soon as any of these is.
func allTags(own resource.PropertyValue, config resource.PropertyMap) resource.PropertyValue {
	byDefault, ignored := object(config["defaultTags"]), object(config["ignoreTags"])
	if own.ContainsUnknowns() || config["defaultTags"].ContainsUnknowns() || config["ignoreTags"].ContainsUnknowns() {
		return resource.NewOutputProperty(resource.Output{Known: false})
	}

	all := object(byDefault["tags"]).Copy()
	for key, value := range object(own) {
		all[key] = value
	}
	keys, prefixes := texts(ignored["keys"]), texts(ignored["keyPrefixes"])
	for key := range all {
		prefixed := func(prefix string) bool { return strings.HasPrefix(string(key), prefix) }
		if slices.Contains(keys, string(key)) || slices.ContainsFunc(prefixes, prefixed) {
			delete(all, key)
		}
	}
	return resource.NewObjectProperty(all)
}

func object(value resource.PropertyValue) resource.PropertyMap {
	if value.IsObject() {
		return value.ObjectValue()
	}
	return resource.PropertyMap{}
}

func texts(value resource.PropertyValue) []string {
	if !value.IsArray() {
		return nil
	}
	var texts []string
	for _, element := range value.ArrayValue() {
		if element.IsString() {
			texts = append(texts, element.StringValue())
		}
	}
	return texts
}
