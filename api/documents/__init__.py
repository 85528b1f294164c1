"""Problem files of the commands without a workspace, read exactly."""
