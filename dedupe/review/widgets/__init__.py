"""What the screens draw: two records side by side, bars and charts, figures as text."""
