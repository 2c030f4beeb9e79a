// The sources of this target come with the next commits.
