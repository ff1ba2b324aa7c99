// Stands for the theme's file of this name, 1.5 MB of icons. The theme's style sheet draws the same icons from a font.
